-- What 0005 replaced: nothing of this version asks what changed without naming the company.

DROP INDEX protiv.time_entries_by_updated_at;
DROP INDEX protiv.budgets_by_updated_at;
DROP INDEX protiv.jobs_by_updated_at;
DROP INDEX protiv.users_by_updated_at;
DROP INDEX protiv.cost_codes_by_updated_at;

"""The pages that the browser looks at in every look, with addresses to be filled in."""

from __future__ import annotations

PAGES = {
    "integrations": "/c/{company}",
    "buildertrend": "/c/{company}/buildertrend",
    "connect": "/c/{company}/buildertrend/connect",
    "pause": "/c/{company}/buildertrend/pause",
    "disconnect": "/c/{company}/buildertrend/disconnect",
    "history": "/c/{company}/buildertrend/history",
    "no-history": "/c/{company}/buildertrend/history?state=cancelled",
    "run": "/c/{company}/buildertrend/runs/{run}",
    "held": "/c/{company}/buildertrend/held",
    "waiting": "/c/{company}/buildertrend/waiting?status=waiting-for-job&subject=Tighe+Garage",
    "find": "/c/{company}/buildertrend/find",
    "found": "/c/{company}/buildertrend/find?find={worker}",
    "not-found": "/c/{company}/buildertrend/find?find=zebra",
    "unknown-id": "/c/{company}/buildertrend/find?find=1234567",
    "why": "/c/{company}/buildertrend/find/time-entries/{shift}",
    "why-never-seen": "/c/{company}/buildertrend/find/jobs/1234567",
    "jobs": "/c/{company}/jobs",
    "job": "/c/{company}/jobs/{job}",
    "company-audit": "/c/{company}/audit",
    "companies": "/companies",
    "no-companies": "/companies?find=zebra",
    "audit": "/audit",
    "dead-letters": "/dead-letters",
    "no-dead-letters": "/dead-letters?company=zebra",
}

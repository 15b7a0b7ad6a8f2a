"""Everything of the product on a stack of the test's own, which the test may lose parts of."""

from tests.faults.recovery.fix_everything import everything, stack
from tests.fix_own_stack import own_stack
from tests.integration.producers.fix_site import site

__all__ = ["everything", "own_stack", "site", "stack"]

"""The time clock's columns: which are selected decides what a row shows. Others come back null or 0 (G11).

Which number is which column nobody told: all but column 1, the start (G15), are our own choice [C], made so that the
captured list (G12) shows all that the captured rows held.
"""

from __future__ import annotations

from collections.abc import Collection

# By number: the name of the column, and the fields that it fills.
COLUMNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "1": ("Date", ("date", "timeIn")),
    "2": ("User", ("name",)),
    "3": ("Time Out", ("timeOut",)),
    "4": ("Regular Time", ("regularTime",)),
    "5": ("Overtime", ("overTime",)),
    "6": ("Break", ("breakTime",)),
    "7": ("Cost Codes", ("costCodes",)),
    "8": ("Total Time", ("totalWorkTime",)),
    "9": ("Notes", ("notes",)),
    "10": ("Created By", ("createdBy",)),
    "11": ("Job", ("jobName",)),
    "12": ("Created", ("createdDate",)),
    "23": ("Tags", ("tags",)),
    "24": ("Approval", ("approvalStatus",)),
    "29": ("Cost", ("builderCost",)),
    "30": ("Billable", ("billableRate", "billableAmount")),
    "39": ("Time Off", ("personalTimeOff",)),
    "40": ("Double Overtime", ("doubleOverTime",)),
    "46": ("Rate", ("rate",)),
}
TOTAL = "8"
_ZERO = {"regularTime", "overTime", "doubleOverTime", "personalTimeOff", "totalWorkTime"}


def blanks_for(selected: Collection[str]) -> dict[str, object]:
    """The fields of the columns that are not selected, as a row then has them."""
    return {
        field: 0 if field in _ZERO else None
        for number, (_, fields) in COLUMNS.items()
        if number not in selected
        for field in fields
    }

"""What Python expects of the planning sheet's JavaScript."""

from fmlab.planning import FIELDS, write_sheet
from fmlab.widgets import PlanningSheet as Widget


def vectors():
    answers = [
        {},
        {"use_case": "Answer 1,500 emails a month."},
        {name: f'{name}: "quoted" \\ and\nµ 😀 </script>' for name, *_ in FIELDS},
    ]
    return {
        "fields": Widget().fields,
        "files": [[each, write_sheet(each)] for each in answers],
    }

"""The rules, one subject each: `check(context)` yields findings, and changes nothing."""

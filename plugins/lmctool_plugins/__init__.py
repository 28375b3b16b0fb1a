"""The built-in analyses, aligners and corrections; they import only ``lmctool.api``."""

"""Gates: conditions, baselines and policies that results are judged by."""

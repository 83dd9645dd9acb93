"""yjd: youth justice disproportionality analysis."""

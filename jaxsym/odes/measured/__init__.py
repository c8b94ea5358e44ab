"""Series as they were measured: checked, with their noise, smoothed."""

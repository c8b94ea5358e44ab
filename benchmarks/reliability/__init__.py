"""Whether limits hold, and what kills, full disks and damaged files do."""

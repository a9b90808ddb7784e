"""Everything that lies in a run's folder."""

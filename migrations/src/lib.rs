//! The schema of Finstage's database, one change a file.

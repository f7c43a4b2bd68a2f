"""The messenger dialect (seed 002). See README.md."""

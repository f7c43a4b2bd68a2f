"""Who is told what when something happens."""

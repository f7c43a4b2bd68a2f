"""The five dialects of one service. A contract is a value; a dialect translates and never decides."""

"""Tables: reading them, inferring the types of their columns, turning rows into numbers and numbers into rows."""

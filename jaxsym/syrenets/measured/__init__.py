"""From measured positions to a Lagrangian: integrated torques, their noise, and the choice."""

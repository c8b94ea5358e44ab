"""From measured positions to a law: the route that needs no network and knows its errors."""

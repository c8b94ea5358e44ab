"""Laws from motion: built in, of other shapes, of planets with noise, of halos."""

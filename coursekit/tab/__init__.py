"""The browser tab's side of the seam."""

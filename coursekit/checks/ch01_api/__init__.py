"""The checks of chapter 1, a module for each lesson."""

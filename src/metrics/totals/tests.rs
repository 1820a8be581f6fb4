//! Totals of tickets made by hand.

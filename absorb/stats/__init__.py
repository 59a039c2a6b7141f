"""What many runs say together: intervals, nulls, dose response and absorption, over seeds."""

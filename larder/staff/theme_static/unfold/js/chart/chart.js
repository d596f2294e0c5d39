// The admin draws no charts.

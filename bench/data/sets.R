# Writes the data of bench/data/forecasts.ts that are in R packages (Debian: r-cran-modeldata, r-cran-forecast), as CSV:
#   Rscript bench/data/sets.R build/data
# Chicago: ridership of its "L" at Clark/Lake with weather and games (modeldata, MIT). Taylor: half-hourly demand of
# electricity in England and Wales, from Monday 5 June 2000 (forecast, GPL-3): neither is committed.
out <- commandArgs(trailingOnly = TRUE)[1]
dir.create(out, showWarnings = FALSE, recursive = TRUE)
data(Chicago, package = "modeldata")
write.csv(Chicago, file.path(out, "chicago.csv"), row.names = FALSE)
data(taylor, package = "forecast")
start <- as.POSIXct("2000-06-05 00:00:00", tz = "UTC")
time <- format(start + 1800 * (seq_along(taylor) - 1), "%Y-%m-%d %H:%M")
write.csv(data.frame(time = time, demand = as.numeric(taylor)), file.path(out, "taylor.csv"), row.names = FALSE)

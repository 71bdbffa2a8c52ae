package workbench

// kilobyteOrByte is the unit of rusage's maximum resident set: kilobytes here.
const kilobyteOrByte = 1 << 10

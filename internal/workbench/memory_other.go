//go:build unix && !linux

package workbench

// kilobyteOrByte is the unit of rusage's maximum resident set: bytes here (macOS).
const kilobyteOrByte = 1

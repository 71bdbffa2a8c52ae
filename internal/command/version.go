package command

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/urfave/cli/v2"

	"tillstream/internal/telemetry"
)

// Version is set by the linker at a release; otherwise the module's or commit's
// own is used.
var Version string

// build says which program this is.
type build struct{ version, revision, goVersion string }

func thisBuild() build {
	b := build{version: Version, revision: "unknown", goVersion: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.version == "" {
		b.version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.revision = s.Value
		}
	}
	return b
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print which version this is",
		Action: func(c *cli.Context) error {
			b := thisBuild()
			_, err := fmt.Fprintf(c.App.Writer, "tillstream %s\nrevision   %s\nbuilt with %s for %s/%s\n",
				b.version, b.revision, b.goVersion, runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// buildInfo is the metric that says which program runs; it is always 1.
func buildInfo() prometheus.Collector {
	b := thisBuild()
	info := prometheus.NewGaugeVec(telemetry.BuildInfo.GaugeOpts(), telemetry.BuildInfo.Labels)
	info.WithLabelValues(b.version, b.revision, b.goVersion).Set(1)
	return info
}

//go:build unix

package kafkatest

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"tillstream/internal/kafkatest/toolcache"
)

//go:embed pom.xml
var pom []byte

const install = "install them with: apt-get install default-jdk-headless maven" +
	" (only what runs against a real Kafka needs them; `make test` does not)"

// Jars returns the directory with Kafka's jar files. The first call on a machine
// has Maven fetch them, into $TILLSTREAM_KAFKA_DIR or else build/kafka under the
// module's root.
func Jars(ctx context.Context) (string, error) {
	dir := os.Getenv("TILLSTREAM_KAFKA_DIR")
	if dir == "" {
		root, err := toolcache.ModuleRoot()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(root, "build", "kafka")
	}
	dir, err := filepath.Abs(dir) // Maven and Java run elsewhere
	if err != nil {
		return "", fmt.Errorf("finding Kafka's jars: %w", err)
	}
	sum := sha256.Sum256(pom)
	return toolcache.Make(ctx, dir, "jars-"+hex.EncodeToString(sum[:6]), fetchJars)
}

func fetchJars(ctx context.Context, dir string) error {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return errors.New("fetching Kafka's jars: mvn is not installed. Kafka is Java, and Maven fetches it; " + install)
	}
	// Maven wants a file, and the jars' directory is to hold nothing but jars.
	project, err := os.MkdirTemp("", "tillstream-kafka-pom-")
	if err != nil {
		return fmt.Errorf("fetching Kafka's jars: %w", err)
	}
	defer func() { _ = os.RemoveAll(project) }()
	file := filepath.Join(project, "pom.xml")
	if err := os.WriteFile(file, pom, 0o600); err != nil {
		return fmt.Errorf("fetching Kafka's jars: %w", err)
	}
	cmd := exec.CommandContext(ctx, mvn, "-B", "-q", "-f", file,
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fetching Kafka's jars with Maven: %w\n%s\nIt needs Maven's registry once; is there a network, and a proxy's settings?",
			err, tail(out))
	}
	return nil
}

// Tool prepares one of Kafka's own command line tools by its Java class, for
// example "org.apache.kafka.tools.ProducerPerformance".
func Tool(ctx context.Context, class string, args ...string) (*exec.Cmd, error) {
	java, err := findJava()
	if err != nil {
		return nil, err
	}
	jars, err := Jars(ctx)
	if err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, java, append(javaArgs(jars, "warn", nil, class), args...)...), nil
}

func findJava() (string, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return "", errors.New("starting Kafka: java is not installed. Kafka 4 needs Java 17 or later, and Maven to fetch it; " + install)
	}
	return java, nil
}

func javaArgs(jars, level string, flags []string, class string) []string {
	args := []string{
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=" + level,
		"-Dorg.slf4j.simpleLogger.showDateTime=true",
		"-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
	}
	args = append(args, flags...)
	return append(args, "-cp", filepath.Join(jars, "*"), class)
}

// Package databasetest gives each test databases of its own: files of SQLite, or,
// with the build tag mssql, databases on the server that MSSQL_URL names.
package databasetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Address names a database that nobody else has and that is gone when the test has
// ended. The test makes it. The purpose is in its name, for who looks at the server.
func Address(t testing.TB, purpose string) string {
	t.Helper()
	return address(t, purpose)
}

// Databases names a source database and a warehouse.
func Databases(t testing.TB) (source, warehouse string) {
	t.Helper()
	return address(t, "source"), address(t, "warehouse")
}

var address = SQLite

// SQLite is Address for a file of SQLite, whatever the build tag says.
func SQLite(t testing.TB, purpose string) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), purpose+".db")
}

// Hide gives an address for a database by which it can be taken away and brought
// back, while it stays where it is for who has it open by its own address.
func Hide(t testing.TB, address string) (hidden string, away, back func()) {
	t.Helper()
	return hide(t, address)
}

var hide = func(t testing.TB, address string) (hidden string, away, back func()) {
	file := strings.TrimPrefix(address, "sqlite:")
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	return address, func() { move(file, file+".away") }, func() { move(file+".away", file) }
}

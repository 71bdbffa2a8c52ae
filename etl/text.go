package etl

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tillstream/internal/database"
)

// A textOf writes a column's values as the published files write them.
type textOf func(value any) (string, error)

// textFor returns how to write the values of a column: whatever type the shop's
// database gave it, the text is to be the same as in the CSV.
func textFor(column *sql.ColumnType, engine database.Engine) textOf {
	name := strings.ToUpper(column.DatabaseTypeName())
	switch {
	case engine == database.SQLServer && name == "REAL":
		return realText
	case name == "DATE":
		return dateText
	case name == "DECIMAL" || name == "NUMERIC" || name == "MONEY" || name == "SMALLMONEY":
		return decimalText
	case engine == database.SQLServer && (name == "CHAR" || name == "NCHAR"):
		return paddedText
	}
	return plainText
}

// plainText writes a value by its Go type.
func plainText(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case bool:
		if v {
			return "1", nil
		}
		return "0", nil
	case time.Time:
		return v.Format(time.DateTime), nil
	}
	return "", fmt.Errorf("a value of type %T cannot be read as text", value)
}

// realText writes a number of single precision with the digits that it has.
func realText(value any) (string, error) {
	if v, ok := value.(float64); ok {
		return strconv.FormatFloat(v, 'f', -1, 32), nil
	}
	return plainText(value)
}

// dateText writes a day without a time of day.
func dateText(value any) (string, error) {
	if v, ok := value.(time.Time); ok {
		return v.Format(time.DateOnly), nil
	}
	return plainText(value)
}

// decimalText writes a number without the zeros that its type adds.
func decimalText(value any) (string, error) {
	text, err := plainText(value)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text, err
}

// paddedText cuts off the blanks that fill a column of fixed width.
func paddedText(value any) (string, error) {
	text, err := plainText(value)
	return strings.TrimRight(text, " "), err
}

package sale

import "testing"

// predecessors is a line as the original producer sends it: json.dumps, the
// cashier stream's 20 columns and its empty-named one.
const predecessors = `{"Invoice ID": "INV-US-002-02091574", "Line": "2", "Customer ID": "103340", "Product ID": "16991", ` +
	`"Size": "M", "Color": "BLACK", "Unit Price": "44.5", "Quantity": "1", "Date": "2025-03-14", "Time": "15:42:07", ` +
	`"Discount": "0", "Line Total": "44.5", "Store ID": "2", "Employee ID": "24", "Currency": "USD", ` +
	`"SKU": "MASW16991-M-BLACK", "Transaction Type": "Sale", "Payment Method": "Credit Card", "Invoice Total": "60.42", "": ""}`

func usualMessage() []byte {
	message, err := AppendMessage(nil, &good)
	if err != nil {
		panic(err)
	}
	return message
}

func BenchmarkDecode(b *testing.B) {
	for name, message := range map[string][]byte{
		"ours":         usualMessage(),
		"predecessors": []byte(predecessors),
		"escaped":      []byte(`{"Invoice ID": "INV-DE-016-1", "Currency Symbol": "\u20ac", ` + predecessors[1:]),
	} {
		b.Run(name, func(b *testing.B) {
			decoder := NewDecoder()
			var row Row
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				if err := decoder.Decode(message, &row); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	undated := good
	undated[Date] = ""
	for name, row := range map[string]Row{"dated": good, "undated": undated} {
		b.Run(name, func(b *testing.B) {
			var line Line
			b.ReportAllocs()
			for b.Loop() {
				if err := reader.Read(&row, recorded, &line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecodeAndRead is what one message costs a consumer before it is
// written.
func BenchmarkDecodeAndRead(b *testing.B) {
	decoder, message := NewDecoder(), usualMessage()
	var row Row
	var line Line
	b.ReportAllocs()
	for b.Loop() {
		if err := decoder.Decode(message, &row); err != nil {
			b.Fatal(err)
		}
		if err := reader.Read(&row, recorded, &line); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendMessage(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = AppendMessage(dst[:0], &good); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendRecord(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendRecord(dst[:0], &good)
	}
}

func BenchmarkScanRecord(b *testing.B) {
	record := AppendRecord(nil, &good)
	var row Row
	b.ReportAllocs()
	for b.Loop() {
		if _, status := ScanRecord(record, &row); status != Whole {
			b.Fatal(status)
		}
	}
}

package telemetry

import "tillstream/internal/sale"

// The commands that expose metrics.
const (
	byConsume = "consume"
	byProduce = "produce"
	byEtl     = "etl"
	byAll     = "all"
)

// Business: what was sold, in whole micro-USD and items until they are shown. A
// counter cannot fall, so sales and refunds are two.
var (
	SalesUSD = declare(Metric{Name: "sales_usd_total", Kind: Counter, Unit: "USD", Labels: []string{"country", "store"}, From: byConsume, PerStore: 1,
		Help: "Revenue of sale lines in USD, before refunds. Net revenue is this less tillstream_refunds_usd_total."})
	RefundsUSD = declare(Metric{Name: "refunds_usd_total", Kind: Counter, Unit: "USD", Labels: []string{"country", "store"}, From: byConsume, PerStore: 1,
		Help: "Money paid back for return lines in USD, as a positive amount."})
	ItemsSold = declare(Metric{Name: "items_sold_total", Kind: Counter, Unit: "items", Labels: []string{"country", "store"}, From: byConsume, PerStore: 1,
		Help: "Items sold."})
	ItemsReturned = declare(Metric{Name: "items_returned_total", Kind: Counter, Unit: "items", Labels: []string{"country", "store"}, From: byConsume, PerStore: 1,
		Help: "Items that customers brought back."})
	Invoices = declare(Metric{Name: "invoices_total", Kind: Counter, Unit: "invoices", Labels: []string{"country", "store", "transaction_type"}, From: byConsume, PerStore: 2,
		Help: "Invoices of which at least one line is on disk."})
	CategorySalesUSD = declare(Metric{Name: "category_sales_usd_total", Kind: Counter, Unit: "USD", Labels: []string{"category"}, From: byConsume, Values: len(sale.Categories),
		Help: "Revenue of sale lines in USD by product category."})
	PaymentSalesUSD = declare(Metric{Name: "payment_sales_usd_total", Kind: Counter, Unit: "USD", Labels: []string{"payment_method"}, From: byConsume, Values: 21,
		Help: "Revenue of sale lines in USD by payment method."})
	DiscountSalesUSD = declare(Metric{Name: "discount_sales_usd_total", Kind: Counter, Unit: "USD", Labels: []string{"discount"}, From: byConsume, Values: 101,
		Help: "Revenue of sale lines in USD by discount, a share of 1 as the till wrote it."})
	EmployeeSalesUSD = declare(Metric{Name: "employee_sales_usd", Kind: Gauge, Unit: "USD", Labels: []string{"employee"}, From: byConsume, Values: Top,
		Help: "Revenue of sale lines in USD by employee ID, for the 20 who sold most so far."})
	ProductItemsSold = declare(Metric{Name: "product_items_sold", Kind: Gauge, Unit: "items", Labels: []string{"product"}, From: byConsume, Values: Top,
		Help: "Items sold by product ID, for the 20 that sold most so far."})
)

// Pipeline: what the machine does.
var (
	ProducedMessages = declare(Metric{Name: "produced_messages_total", Kind: Counter, Unit: "messages", From: byProduce,
		Help: "Messages that Kafka acknowledged: lines, duplicates and damaged ones."})
	ProduceTargetRate = declare(Metric{Name: "produce_target_rate", Kind: Gauge, Unit: "lines a second", From: byProduce,
		Help: "Lines a second that are to be produced; 0 = as fast as possible."})
	ConsumedMessages = declare(Metric{Name: "consumed_messages_total", Kind: Counter, Unit: "messages", Labels: []string{"partition"}, From: byConsume, PerPartition: 1,
		Help: "Messages taken from the topic and settled, by partition."})
	WrittenLines = declare(Metric{Name: "written_lines_total", Kind: Counter, Unit: "lines", From: byConsume,
		Help: "Lines in the CSV, those found there at the start included."})
	DuplicateLines = declare(Metric{Name: "duplicate_lines_total", Kind: Counter, Unit: "lines", From: byConsume,
		Help: "Lines dropped because the same line is on disk already. Messages that are read again after a crash count too."})
	ConflictingLines = declare(Metric{Name: "conflicting_lines_total", Kind: Counter, Unit: "lines", From: byConsume,
		Help: "Lines whose invoice and line number are on disk with other content. They become dead letters."})
	RejectedLines = declare(Metric{Name: "rejected_lines_total", Kind: Counter, Unit: "messages", Labels: []string{"reason"}, From: byConsume, Values: len(sale.Reasons),
		Help: "Messages that cannot be used, by reason. They become dead letters."})
	DeadLetters = declare(Metric{Name: "dead_letters_total", Kind: Counter, Unit: "messages", From: byConsume,
		Help: "Messages written to the dead-letter topic: rejected and conflicting ones."})
	ConsumerLag = declare(Metric{Name: "consumer_lag_messages", Kind: Gauge, Unit: "messages", Labels: []string{"partition"}, From: byConsume, PerPartition: 1,
		Help: "Messages in the partition that are not settled yet, counted to the end that Kafka last told. Whoever has the partition shows it; while Kafka is away nobody has."})
	LineLatency = declare(Metric{Name: "line_latency_seconds", Kind: Histogram, Unit: "seconds", From: byConsume,
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		Help:    "From a line's Kafka timestamp until it is on disk."})
	CSVSync = declare(Metric{Name: "csv_sync_seconds", Kind: Histogram, Unit: "seconds", From: byConsume,
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		Help:    "How long it takes to append to the CSV and have it on disk."})
	CSVBytes = declare(Metric{Name: "csv_bytes_total", Kind: Counter, Unit: "bytes", From: byConsume,
		Help: "Bytes in the CSV and the files it was rotated into, those found there at the start included."})
	DedupeIdentities = declare(Metric{Name: "dedupe_identities", Kind: Gauge, Unit: "lines", From: byConsume,
		Help: "Lines remembered to recognise duplicates."})
	Trouble = declare(Metric{Name: "trouble", Kind: Gauge, Labels: []string{"component"}, From: byConsume, Values: 3,
		Help: "1 while the consumer waits for a component (csv, kafka, dead-letter topic), else 0. The log and /readyz say why."})

	BuildInfo = declare(Metric{Name: "build_info", Kind: Gauge, Labels: []string{"version", "revision", "goversion"}, From: byAll,
		Help: "Always 1; the labels say which build runs."})
)

// Steps and outcomes of etl are the program's own.
const (
	etlSteps    = 5 // init, import, load, live, verify
	etlOutcomes = 4 // inserted, updated, unchanged, rejected
)

// Warehouse: what the steps of etl do.
var (
	EtlRows = declare(Metric{Name: "etl_rows_total", Kind: Counter, Unit: "rows", Labels: []string{"step", "outcome"}, From: byEtl, Values: etlSteps * etlOutcomes,
		Help: "Rows that the runs of a step have read, by what became of them, as the warehouse has it on record."})
	EtlLastSuccess = declare(Metric{Name: "etl_last_success_timestamp_seconds", Kind: Gauge, Unit: "seconds", Labels: []string{"step"}, From: byEtl, Values: etlSteps,
		Help: "When a step was last done without an error; for live, the time up to which all lines are loaded."})
	EtlVerifyDifferences = declare(Metric{Name: "etl_verify_differences", Kind: Gauge, Unit: "lines", From: byEtl,
		Help: "Lines, invoices and sums that differed between the warehouse and its sources when verify last looked; 0 is well, and there is none before the first verify."})
	EtlLiveUp = declare(Metric{Name: "etl_live_up", Kind: Gauge, From: byEtl,
		Help: "1 while lines reach the warehouse or could, 0 while something is in the way."})
	EtlLiveLatency = declare(Metric{Name: "etl_live_latency_seconds", Kind: Histogram, Unit: "seconds", From: byEtl,
		Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600},
		Help:    "From the earliest moment at which a line can have been written to the CSV until it is in the warehouse."})
)

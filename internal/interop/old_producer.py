"""Send a CSV of sales the way the predecessor's cashier simulator does.

Each row becomes a JSON object of strings, without a message key, stamped with the
present Date and Time. The rows of the original's file end in a comma, and the
empty-named column that csv.DictReader makes of it is sent along.
"""

import argparse
import csv
import json
import sys
import time
from datetime import datetime

from kafka import KafkaProducer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--brokers", required=True, help="host:port[,host:port...]")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--source", required=True, help="the CSV to send")
    parser.add_argument("--delay", type=float, default=0, help="seconds between two rows")
    args = parser.parse_args()

    producer = KafkaProducer(
        bootstrap_servers=args.brokers.split(","),
        value_serializer=lambda row: json.dumps(row).encode("utf-8"),
    )
    futures = []
    with open(args.source, newline="", encoding="utf-8") as source:
        for row in csv.DictReader(source):
            now = datetime.now()
            row["Date"] = now.strftime("%Y-%m-%d")
            row["Time"] = now.strftime("%H:%M:%S")
            futures.append(producer.send(args.topic, value=row))
            if args.delay:
                time.sleep(args.delay)
    producer.flush()
    for future in futures:  # a row that was not delivered raises here
        future.get(timeout=30)
    producer.close()
    print(len(futures))
    return 0


if __name__ == "__main__":
    sys.exit(main())

/// Six passages, three queries and judgements whose results can be worked out by hand.
enum TinyCollection {
  static func write(to folder: TemporaryFolder) throws {
    let documents = [
      ("d1", "Laminar flow", "Heat transfer in laminar flow over a flat plate."),
      ("d2", "", "Heat shields protect the nose of a re-entry body."),
      ("d3", "Wings", "Supersonic wings and their shock waves."),
      ("d4", "", "The boundary layer of a wing at low speed."),
      ("d5", "", "Cooking with cast iron."),
      ("d6", "", ""),
    ]
    let lines = documents.map { #"{"_id": "\#($0.0)", "title": "\#($0.1)", "text": "\#($0.2)", "metadata": {"source": "tiny"}}"# }
    try folder.write(lines.joined(separator: "\n") + "\n", "tiny/corpus.jsonl")
    let queries = [("q1", "laminar heat transfer"), ("q2", "supersonic wing"), ("q3", "zeppelin")]
    try folder.write(
      queries.map { #"{"_id": "\#($0.0)", "text": "\#($0.1)"}"# }.joined(separator: "\n") + "\n", "tiny/queries.jsonl")
    try folder.write("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td3\t2\nq2\td4\t1\n", "tiny/qrels/test.tsv")
    try folder.write("query-id\tcorpus-id\tscore\nq3\td5\t1\n", "tiny/qrels/train.tsv")
  }
}

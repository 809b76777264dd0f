import Foundation

/// A folder that is removed with everything in it when the value goes.
final class TemporaryFolder {
  let path: String
  /// Beside the folder that commands see: what the tests need themselves.
  private let outer: String

  init() throws {
    outer = FileManager.default.temporaryDirectory.appendingPathComponent("gradus-cli-" + UUID().uuidString).path
    path = outer + "/work"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: outer) }

  func path(_ name: String) -> String { path + "/" + name }

  func hidden(_ name: String) -> String { outer + "/" + name }

  func write(_ text: String, _ name: String) throws { try write(Array(text.utf8), name) }

  func write(_ bytes: [UInt8], _ name: String) throws {
    let folder = (path(name) as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
  }

  func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

  func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name)))) }

  func names(_ folder: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path(folder)).sorted()
  }
}

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

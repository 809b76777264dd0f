import GradusCore

/// Writes weighted texts as JSON lines, which ``SparseVectorReader`` and other programs read.
///
///     let writer = try SparseVectorWriter(path: "vectors.jsonl.gz")
///     try writer.write("d1", [("heat", 1.4), ("flow", 0.7)])
///     try writer.commit()
public final class SparseVectorWriter {
  private let file: OutputFile
  private var line: [UInt8] = []

  /// - Parameter path: Packed where it ends in `.gz`; `-` is standard output.
  public init(path: String) throws(FileError) { file = try OutputFile(path: path) }

  /// Appends a record; weights are written with as many digits as a `Float` needs.
  public func write(_ name: String, _ terms: [(term: String, weight: Float)]) throws {
    line.removeAll(keepingCapacity: true)
    line.append(contentsOf: "{\"id\": ".utf8)
    JSONText.appendQuoted(name, to: &line)
    line.append(contentsOf: ", \"vector\": {".utf8)
    for (place, entry) in terms.enumerated() {
      if place > 0 { line.append(contentsOf: ", ".utf8) }
      JSONText.appendQuoted(entry.term, to: &line)
      line.append(contentsOf: ": \(entry.weight)".utf8)
    }
    line.append(contentsOf: "}}\n".utf8)
    try file.write(line)
  }

  /// Puts the file in its place.
  public func commit() throws { try file.commit() }
}

import Foundation
import GradusCore
import GradusFormats
import GradusTestSupport
import Testing

@Suite("Weighted texts in JSON lines")
struct SparseVectorTests {
  private func read(_ text: String) throws -> [SparseVectorRecord] {
    let folder = try TemporaryFolder()
    let path = try folder.write(text.utf8, "v.jsonl")
    let reader = try SparseVectorReader(path: path)
    var records: [SparseVectorRecord] = []
    while let record = try reader.next() { records.append(record) }
    return records
  }

  private func reason(_ text: String) throws -> (line: Int, reason: SparseVectorError.Reason)? {
    do {
      _ = try read(text)
      return nil
    } catch let error as SparseVectorError {
      return (error.line, error.reason)
    }
  }

  @Test("Ids as strings and numbers, texts under their names, empty vectors, other keys")
  func records() throws {
    let records = try read(
      """
      {"id": "d1", "content": "Heat flow", "vector": {"heat": 1.5, "##flow": 2, "zero": 0}}

      {"_id": 7, "contents": "x", "other": [1, {"a": null}], "vector": {}}
      {"vector": {"é": 1e-3}, "qid": "q"}
      """)
    #expect(records.map(\.name) == ["d1", "7", "q"])
    #expect(records.map(\.content) == ["Heat flow", "x", ""])
    #expect(records[0].terms.map(\.term) == ["heat", "##flow", "zero"] && records[0].terms.map(\.weight) == [1.5, 2, 0])
    #expect(records[1].terms.isEmpty)
    #expect(records[2].terms.map(\.term) == ["é"] && records[2].terms.map(\.weight) == [0.001])
  }

  @Test("Weights that cannot be name line and term", arguments: [
    ("-0.5", "-0.5"), ("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "-Infinity"), ("1e999", "inf"), ("\"2\"", "\"2\""),
    ("1e39", "1e+39"), ("null", "null"),
  ])
  func weights(written: String, found: String) throws {
    let failure = try #require(
      try reason("{\"id\": \"a\", \"vector\": {}}\n{\"id\": \"b\", \"vector\": {\"ok\": 1, \"bad\": \(written)}}\n"))
    #expect(failure.line == 2)
    #expect(failure.reason == .weight(term: "bad", found: found))
  }

  @Test("What else is refused")
  func refused() throws {
    let first = "{\"id\": \"a\", \"vector\": {\"x\": 1}}\n"
    #expect(try reason(first + first)?.reason == .duplicate("a", firstLine: 1))
    #expect(try reason("{\"vector\": {}}")?.reason == .missing("id"))
    #expect(try reason("{\"id\": \"a\"}")?.reason == .missing("vector"))
    #expect(try reason("{\"id\": \"a b\", \"vector\": {}}")?.reason == .name("a b"))
    #expect(try reason("{\"id\": \"a\", \"vector\": {\"\": 1}}")?.reason == .emptyTerm)
    #expect(try reason("{\"id\": \"a\", \"vector\": {\"x\": 1, \"x\": 1}}")?.reason == .duplicateTerm("x"))
    guard case .json? = try reason("{\"id\": \"a\", \"vector\": [1]}")?.reason else {
      return #expect(Bool(false), "a vector that is no object was taken")
    }
    guard case .json? = try reason("{\"id\": \"a\", \"vector\": {\"x\": 1}")?.reason else {
      return #expect(Bool(false), "half a line was taken")
    }
    let error = SparseVectorError(file: "f", line: 3, reason: .weight(term: "t", found: "NaN"))
    #expect(error.description == "f:3: the weight of term 't' is NaN; expected a finite number from 0 up")
    #expect(error.failureKind == .badData)
  }
}

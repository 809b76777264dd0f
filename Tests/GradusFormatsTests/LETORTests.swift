import GradusCore
import GradusTestSupport
import Testing

@testable import GradusFormats

@Suite("LETOR feature files")
struct LETORTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(_ text: String, groups: String? = nil, width: Int? = nil) throws -> FeatureData {
    let sizes = try groups.map { try folder.write($0, "sizes") }
    return try LETORReader.read(try folder.write(text, "features"), groups: sizes, width: width)
  }

  @Test("Grades, queries, features and names of documents")
  func rows() throws {
    let data = try read(
      """
      # a comment
      2 qid:10 1:0.5 3:-1e2 # docid = GX1 inc = 1
      0 qid:10 2:7 #docid=GX2

      1.0 qid:x
      """)
    #expect(data.groups == [.init(qid: "10", rows: 0..<2), .init(qid: "x", rows: 2..<3)])
    #expect(data.docnos == ["GX1", "GX2", "1"] && data.grades == [2, 0, 1] && data.width == 3)
    #expect(data.features == [0.5, 0, -100, 0, 7, 0, 0, 0, 0])
    #expect(Array(data.row(1)) == [0, 7, 0])
    #expect(data.qrels["10"] == ["GX1": 2, "GX2": 0])
    #expect(data.run(name: "r", scores: [1, 2, 0])["10"]?.documents.map(\.docno) == ["GX2", "GX1"])
    #expect(try read("1 qid:1 2:4", width: 4).features == [0, 4, 0, 0])
    #expect(data.widened(to: 4).row(0).elementsEqual([0.5, 0, -100, 0]) && data.widened(to: 3) == data)
  }

  @Test("LightGBM's files have the sizes of groups apart")
  func sizes() throws {
    let data = try read("1 1:1\n0 1:2\n3 1:3\n", groups: "2\n1\n")
    #expect(data.groups == [.init(qid: "1", rows: 0..<2), .init(qid: "2", rows: 2..<3)])
    #expect(data.docnos == ["1", "2", "1"])
  }

  @Test(
    "What is wrong with a file is said with its line",
    arguments: [
      ("-1 qid:1 1:1", 1, LETORError.Reason.grade("-1")), ("0.5 qid:1", 1, .grade("0.5")), ("a qid:1", 1, .grade("a")),
      ("1 1:0.5", 1, .noQid), ("1 qid:1 1:1\n1 qid:1 0:1", 2, .feature("0:1")), ("1 qid:1 1:nan", 1, .feature("1:nan")),
      ("1 qid:1 1:1e39", 1, .feature("1:1e39")), ("1 qid:1 1", 1, .feature("1")),
      ("1 qid:1 2:1 2:1", 1, .featureOrder(2, after: 2)), ("1 qid:1\n1 qid:2\n0 qid:1", 3, .scattered(qid: "1")),
      ("1 qid:1 # docid = a\n1 qid:1 # docid = a", 2, .duplicate(qid: "1", docno: "a")),
      ("1 qid:1\n1 qid:1 65537:1", 2, .featureNumber(65_537, limit: 65_536)), ("# nothing\n", 0, .empty),
    ])
  func badLines(text: String, line: Int, reason: LETORError.Reason) throws {
    #expect(throws: LETORError(file: folder.path + "/features", line: line, reason: reason)) { try read(text) }
  }

  @Test("Group sizes that do not fit, and features beyond a model's")
  func badSizes() throws {
    func error(_ file: String, _ line: Int, _ reason: LETORError.Reason) -> LETORError {
      LETORError(file: folder.path + "/" + file, line: line, reason: reason)
    }
    #expect(throws: error("sizes", 0, .groupSum(rows: 1, sum: 2))) { try read("1 1:1", groups: "2") }
    #expect(throws: error("sizes", 1, .groupSize("0"))) { try read("1 1:1", groups: "0\n1") }
    #expect(throws: error("features", 1, .unexpectedQid("4"))) { try read("1 qid:4 1:1", groups: "1") }
    #expect(throws: error("features", 1, .featureNumber(3, limit: 2))) { try read("1 qid:1 3:1", width: 2) }
    let path = try folder.write("1 qid:1 5:1\n0 qid:1 1:1\n", "features")
    #expect(try LETORReader.read(path, mostNumbers: 10).rowCount == 2)
    #expect(throws: error("features", 0, .tooLarge(rows: 2, features: 5))) { try LETORReader.read(path, mostNumbers: 9) }
  }

  @Test("A split by query keeps whole queries, the same for the same seed")
  func split() throws {
    let text = (1...10).map { "1 qid:\($0) 1:\($0)\n0 qid:\($0) 1:\($0)\n" }.joined()
    let data = try read(text)
    let (kept, heldOut) = data.split(heldOut: 0.3, seed: 5)
    #expect(kept.groups.count == 7 && heldOut.groups.count == 3)
    #expect(Set(kept.groups.map(\.qid)).union(heldOut.groups.map(\.qid)) == Set(data.groups.map(\.qid)))
    #expect(heldOut.groups.allSatisfy { group in group.rows.allSatisfy { "\(Int(heldOut.row($0).first ?? 0))" == group.qid } })
    #expect(data.split(heldOut: 0.3, seed: 5).heldOut == heldOut && data.split(heldOut: 0.3, seed: 6).heldOut != heldOut)
    #expect(data.digest == (try read(text)).digest && data.digest != kept.digest)
  }
}

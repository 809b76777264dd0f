import Foundation
import Testing

@Suite("Learning to rank on features", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct LTRTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Feature 1 is the grade with some noise, feature 2 says nothing.
  private func write(_ name: String, queries: Range<Int>) throws {
    var lines = ""
    for query in queries {
      for row in 0..<5 {
        let noise = Double((query * 7 + row * 13) % 10) / 20
        lines += "\(row % 3) qid:\(query) 1:\(Double(row % 3) + noise) 2:\((query + row * row) % 4) # docid = D\(query)-\(row)\n"
      }
    }
    try lines.write(toFile: folder.path + "/" + name, atomically: true, encoding: .utf8)
  }

  private func run(_ arguments: String...) throws -> Command.Outcome { try Command.run(arguments, in: folder) }

  @Test("A file of features is trained on, ranked and evaluated")
  func pipeline() throws {
    try write("train.txt", queries: 0..<20)
    try write("test.txt", queries: 50..<60)
    let report = try run(
      "ltr", "train", "train.txt", "--architecture", "mlp", "--loss", "listnet", "--hidden", "8", "--epochs", "20",
      "--learning-rate", "0.02", "--batch", "4", "--out", "net", "--json")
    #expect(report.code == 0, "\(report.error)")
    #expect(try report.json()["dev_queries"] as? Int == 4)
    let predicted = try run("ltr", "predict", "net", "test.txt", "--out", "net.run", "--qrels", "test.qrels")
    #expect(predicted.code == 0 && predicted.output.isEmpty, "\(predicted.error)")
    let evaluation = try run("evaluate", "test.txt", "net.run", "-m", "nDCG@10", "--json")
    #expect(evaluation.code == 0, "\(evaluation.error)")
    #expect(evaluation.output.contains("\"nDCG@10\""))
    #expect(try run("evaluate", "test.qrels", "net.run", "-m", "nDCG@10", "--json").output == evaluation.output)
    let runs = try #require(try evaluation.json()["runs"] as? [[String: Any]])
    let measures = try #require(runs[0]["measures"] as? [String: [String: Any]])
    #expect(try #require(measures["nDCG@10"]?["mean"] as? Double) > 0.9)
    #expect(try run("validate", "test.txt").code == 0)
    let again = try run(
      "ltr", "train", "train.txt", "--architecture", "mlp", "--loss", "listnet", "--hidden", "8", "--epochs", "20",
      "--learning-rate", "0.02", "--batch", "4", "--out", "again", "--threads", "1")
    #expect(again.code == 0)
    let weights = try ["net", "again"].map { name in
      try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name)/model.safetensors"))
    }
    #expect(weights[0] == weights[1])
  }

  @Test("Mistakes end with their code and the place")
  func mistakes() throws {
    try write("train.txt", queries: 0..<4)
    try "1 qid:1 3:1\n".write(toFile: folder.path + "/wide.txt", atomically: true, encoding: .utf8)
    try "1 qid:1 x\n".write(toFile: folder.path + "/bad.txt", atomically: true, encoding: .utf8)
    #expect(try run("ltr", "train", "bad.txt", "--out", "m").code == 65)
    #expect(try run("ltr", "train", "none.txt", "--out", "m").code == 66)
    let loss = try run("ltr", "train", "train.txt", "--architecture", "linear", "--loss", "infonce", "--out", "m")
    #expect(loss.code == 2 && loss.error.contains("infonce"))
    #expect(try run("ltr", "predict", "none", "train.txt").code == 66)
    #expect(try run("ltr", "train", "train.txt", "--architecture", "linear", "--epochs", "1", "--out", "m").code == 0)
    let wide = try run("ltr", "predict", "m", "wide.txt")
    #expect(wide.code == 65 && wide.error.contains("wide.txt:1: feature 3"))
  }
}

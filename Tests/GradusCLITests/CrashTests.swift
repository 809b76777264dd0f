import Foundation
import Testing

@Suite("Interrupted and full", .enabled(if: Command.isBuilt, Comment(rawValue: Command.skipNotice)))
struct CrashTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try TinyCollection.write(to: folder)
    let outcome = try Command.run(["index", "tiny", "--out", "index"], in: folder)
    try #require(outcome.code == 0, "\(outcome.error)")
  }

  private func answer() throws -> String {
    try Command.run(["search", "index", "--query", "laminar heat"], in: folder).output
  }

  /// Some 2 MB of documents: enough that a builder with little memory has written temporary files.
  private static func documents(from start: Int) -> Data {
    Data((start..<start + 20_000).map { "x\($0)\tnumber\($0) and some words about heat \($0 % 977) \($0 % 613)\n" }.joined().utf8)
  }

  @Test("A builder that is killed leaves the index before it intact, and the next one takes over")
  func killed() throws {
    let before = try answer()
    #expect(before.hasPrefix("1. d1"))
    // The corpus comes through a pipe that stays open: the builder is in the middle of its work when it is killed.
    let pipe = Pipe()
    let process = Command.process(Command.path ?? "", ["index", "-", "--out", "index", "--memory", "1"], in: folder)
    process.standardInput = pipe
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    try pipe.fileHandleForWriting.write(contentsOf: Self.documents(from: 0))
    let namesBefore = Set(["lock", "manifest"])
    var newFiles: [String] = []
    for _ in 0..<2000 where newFiles.count < 3 {
      usleep(5000)
      newFiles = try folder.names("index").filter { !namesBefore.contains($0) }
    }
    #expect(newFiles.count >= 3, "the builder writes beside the old index: \(newFiles)")
    let busy = try Command.run(["index", "tiny", "--out", "index"], in: folder)
    #expect(busy.code == 1 && busy.error.contains("is writing this index"))
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(try answer() == before)
    #expect(try Command.run(["validate", "index"], in: folder).code == 0)
    #expect(try Command.run(["index", "tiny", "--out", "index"], in: folder).code == 0)
    #expect(try answer() == before)
    let leftovers = try folder.names("index").filter { $0.hasPrefix("run-") }
    #expect(leftovers.isEmpty)
  }

  @Test("A disk that is full while indexing is an error, and the index before it stays")
  func fullWhileIndexing() throws {
    let before = try answer()
    try Self.documents(from: 0).write(to: URL(fileURLWithPath: folder.path("large.tsv")))
    // A limit on the size of files stands in for the full disk: it needs no rights.
    let outcome = try Command.shell(
      "trap '' XFSZ; ulimit -f 256; gradus index large.tsv --out index --memory 1", in: folder)
    #expect(outcome.code == 1)
    #expect(outcome.error.contains("cannot write"), "\(outcome.error)")
    #expect(try answer() == before)
    #expect(try folder.names("index").filter { $0.hasPrefix("run-") }.isEmpty)
  }

  @Test("A full device is an error, for runs and for text", .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func fullDevice() throws {
    for line in [
      "gradus search index --topics tiny --out /dev/full", "gradus search index --topics tiny > /dev/full",
      "gradus search index --query heat > /dev/full", "gradus systems --json > /dev/full", "gradus --help > /dev/full",
    ] {
      let outcome = try Command.shell(line, in: folder)
      #expect(outcome.code == 1, "\(line)")
      #expect(outcome.error.contains("No space left on device; free some space"), "\(line): \(outcome.error)")
    }
  }

  @Test("A reader that goes away ends the command quietly")
  func closedPipe() throws {
    let outcome = try Command.shell("gradus systems | head -1", in: folder)
    #expect(outcome.code == 0 && outcome.error.isEmpty)
  }
}

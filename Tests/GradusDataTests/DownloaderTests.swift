import GradusCore
import GradusTestSupport
import Testing

@testable import GradusData

@Suite("Downloads")
struct DownloaderTests {
  static let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
  static var hash: String { SHA256Digest.hex(of: content) }

  private var downloader: Downloader {
    var downloader = Downloader()
    downloader.retries = 0
    downloader.connectTimeoutSeconds = 5
    return downloader
  }

  @Test("A file arrives under its name with the right bytes, and is not fetched twice")
  func downloads() throws {
    let server = try LoopbackServer(["/set.zip": .init(body: Self.content)])
    defer { server.stop() }
    let path = try TemporaryFolder.make() + "/deep/set.zip"
    try downloader.download(server.address + "/set.zip", to: path, sha256: Self.hash)
    #expect(try WholeFile.bytes(path) == Self.content)
    #expect(!FileStatus.isFile(path + ".part"))
    try downloader.download(server.address + "/set.zip", to: path, sha256: Self.hash)
    #expect(server.requests.count == 1)
  }

  @Test("An interrupted download goes on where it stopped")
  func resumes() throws {
    let server = try LoopbackServer(["/set.zip": .init(body: Self.content, breaksAfter: 100_000)])
    defer { server.stop() }
    let path = try TemporaryFolder.make() + "/set.zip"
    let url = server.address + "/set.zip"
    #expect(throws: DownloadError.self) { try downloader.download(url, to: path, sha256: Self.hash) }
    #expect(!FileStatus.isFile(path))
    let kept = try #require(FileStatus.size(path + ".part"))
    #expect(kept > 0 && kept <= 100_000)
    try downloader.download(url, to: path, sha256: Self.hash)
    #expect(try WholeFile.bytes(path) == Self.content)
    #expect(server.requests.last == "GET /set.zip \(kept)-")
  }

  @Test("A part that is complete already is only checked and renamed")
  func publishesCompletePart() throws {
    let path = try TemporaryFolder.make() + "/set.zip"
    try WholeFile.write(Self.content, to: path + ".part")
    try downloader.download("http://127.0.0.1:9/set.zip", to: path, sha256: Self.hash)
    #expect(try WholeFile.bytes(path) == Self.content)
  }

  @Test("A part of another version of the file is thrown away and the file fetched afresh", arguments: [1000, 400_000])
  func replacesStalePart(size: Int) throws {
    let server = try LoopbackServer(["/set.zip": .init(body: Self.content)])
    defer { server.stop() }
    let path = try TemporaryFolder.make() + "/set.zip"
    try WholeFile.write([UInt8](repeating: 7, count: size), to: path + ".part")
    try downloader.download(server.address + "/set.zip", to: path, sha256: Self.hash)
    #expect(try WholeFile.bytes(path) == Self.content)
  }

  @Test("A wrong hash is named with the right one, and nothing is kept")
  func refusesWrongHash() throws {
    let server = try LoopbackServer(["/set.zip": .init(body: Self.content)])
    defer { server.stop() }
    let path = try TemporaryFolder.make() + "/set.zip"
    let wrong = String(repeating: "0", count: 64)
    let url = server.address + "/set.zip"
    #expect(throws: DownloadError.hashMismatch(url: url, expected: wrong, found: Self.hash)) {
      try downloader.download(url, to: path, sha256: wrong)
    }
    #expect(!FileStatus.isFile(path) && !FileStatus.isFile(path + ".part"))
  }

  @Test("A missing file is a missing input, a server's failure is not", arguments: [404, 410, 403, 500])
  func reportsStatus(code: Int) throws {
    let server = try LoopbackServer(["/set.zip": .init(status: code)])
    defer { server.stop() }
    let path = try TemporaryFolder.make() + "/set.zip"
    let url = server.address + "/set.zip"
    let expected = DownloadError.status(url: url, code: code)
    #expect(throws: expected) { try downloader.download(url, to: path, sha256: nil) }
    #expect(expected.failureKind == (code == 404 || code == 410 ? .missingInput : .failed))
  }

  @Test("Without a connection the error says so and shows no password")
  func reportsOffline() throws {
    let server = try LoopbackServer()
    let closed = server.address.dropFirst("http://".count)
    server.stop()
    let path = try TemporaryFolder.make() + "/set.zip"
    do {
      try downloader.download("http://ann:secret@\(closed)/set.zip", to: path, sha256: nil)
      Issue.record("a closed port answered")
    } catch let error as DownloadError {
      guard case .unreachable(let url, _) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(url == "http://\(closed)/set.zip")
      #expect(!"\(error)".contains("secret"))
    }
  }

  @Test("A program that is not installed is named")
  func reportsMissingProgram() {
    #expect(throws: SubprocessError.missing(program: "gradus-no-such-program")) {
      try Subprocess.run("gradus-no-such-program", [])
    }
  }

  @Test("Output, error output and exit code of a program come back, run in a folder with a blank in its name")
  func runsPrograms() throws {
    let folder = try TemporaryFolder.make() + "/two words"
    try StagedFolder.makeFolder(folder)
    let result = try Subprocess.run("sh", ["-c", "basename \"$PWD\"; echo \"$1\" >&2; exit 3", "sh", "it's"], in: folder)
    #expect(result == Subprocess.Result(exitCode: 3, output: "two words\n", errorOutput: "it's\n"))
  }
}

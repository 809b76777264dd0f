import Foundation
import GradusTestSupport
import Testing

/// What the compiler makes of mixed operators: the swiftc that built the tests, on the modules that it built.
@Suite("Pipelines: what compiles", .enabled(if: Precedence.modules != nil, "needs the modules beside the tests and swiftc"))
struct PrecedenceTests {
  /// One call for all snippets: each stands in its own function on lines of its own, and errors are told by their lines.
  @Test("Ambiguous mixes do not compile, nor do stages that do not fit; all else does")
  func mixes() throws {
    let refused = [
      "q >>> r &&& r", "q >>> r ||| r", "q + q >>> r", "q >>> r + r", "q &&& q ||| q", "q ^^^ q ||| q", "q ** q >>> r",
      "q + q ||| q",
      "q ||| q % 10", "q ** q + q", "q * 2 &&& q",
      // Types: a reranker cannot come first, a retriever not second, nor can lists and answers be added.
      "r >>> q", "q >>> q", "q + r", "q % 1.5", "r % 10 >>> q", "w + w", "q + 1",
    ]
    let accepted = [
      "q >>> r % 10", "q % 10 >>> r >>> r % 5", "(q >>> r) &&& q", "(q + q) >>> r", "q >>> (r + r)", "2 * q + q * 0.5",
      "q + q % 10", "q ||| q ||| q", "q &&& q &&& q", "(q ||| q) % 10", "w >>> q >>> r", "q >>> f >>> q >>> r",
      "(q ** q ** q) >>> r", "q ^^^ q ^^^ q",
    ]
    var source = "import GradusCore\nimport GradusPipeline\n"
    var lines: [Int: String] = [:]
    var next = 3
    for (number, snippet) in (refused + accepted).enumerated() {
      source += "func s\(number)(_ q: RetrievalPipeline, _ r: ListPipeline, _ w: Pipeline<Query, Query>, "
      source += "_ f: Pipeline<RankedList, Query>) {\n"
      source += "  let p = \(snippet)\n  _ = p\n}\n"
      lines[next + 1] = snippet
      next += 4
    }
    // Integers go on as before.
    source += "func integers(_ x: Int) -> Bool { x >> 3 & 255 == x * 2 % 7 | 1 }\n"
    let errors = try Precedence.errorLines(source)
    #expect(Set(errors.compactMap { lines[$0] }) == Set(refused))
    #expect(errors.allSatisfy { lines[$0] != nil }, "an error outside the snippets: \(errors.filter { lines[$0] == nil })")
  }
}

enum Precedence {
  private static let build: String = {
    let bundles = Bundle.allBundles.filter { $0.bundlePath.hasSuffix(".xctest") }.map(\.bundlePath)
    return ([CommandLine.arguments[0]] + bundles).map { ($0 as NSString).deletingLastPathComponent }
      .first { FileManager.default.fileExists(atPath: $0 + "/Modules/GradusPipeline.swiftmodule") } ?? ""
  }()

  private static let compiler: String? = {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
    return path.split(separator: ":").map { $0 + "/swiftc" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  static var modules: String? { compiler == nil || build.isEmpty ? nil : build + "/Modules" }

  /// Lines of `source` with errors.
  static func errorLines(_ source: String) throws -> [Int] {
    let folder = try TemporaryFolder()
    let file = folder.path + "/snippets.swift"
    try source.write(toFile: file, atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: compiler ?? "")
    let package = (#filePath as NSString).deletingLastPathComponent + "/../.."
    let systemLibraries = ["CZlib", "CStemmer", "CArchive", "CLibXML2", "CNettle", "CZstd"]
    let maps = systemLibraries.map { "\(package)/Sources/\($0)/module.modulemap" }
      + ["CGradusKernels", "CGradusOneDNN"].map { "\(build)/\($0).build/module.modulemap" }
    process.arguments = ["-typecheck", "-swift-version", "6", "-I", modules ?? "", file]
      + maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] } + ["-Xcc", "-I/usr/include/libxml2"]
    let output = folder.path + "/stderr"
    try Data().write(to: URL(fileURLWithPath: output))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    try process.run()
    process.waitUntilExit()
    let text = try String(contentsOfFile: output, encoding: .utf8)
    #expect(!text.contains("no such module") && !text.contains("missing required module"), "\(text.prefix(500))")
    return text.matches(of: #/snippets\.swift:(\d+):\d+: error:/#).compactMap { Int($0.1) }
  }
}

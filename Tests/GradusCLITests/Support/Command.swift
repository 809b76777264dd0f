import Foundation

/// The built `gradus` program, run as a user runs it.
enum Command {
  struct Outcome {
    let code: Int32
    let output: String
    let error: String

    /// The output as a JSON object.
    func json() throws -> [String: Any] {
      try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any] ?? [:]
    }
  }

  /// Beside the test product, where the build puts both; nil where only the tests were built.
  static let path: String? = {
    let bundles = Bundle.allBundles.filter { $0.bundlePath.hasSuffix(".xctest") }.map(\.bundlePath)
    let folders = ([CommandLine.arguments[0]] + bundles).map { ($0 as NSString).deletingLastPathComponent }
    return folders.map { $0 + "/gradus" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  static var isBuilt: Bool { path != nil }
  static let skipNotice = "needs the gradus program beside the tests: swift build --product gradus, with the flags of the tests"

  /// Runs `gradus` with these arguments in `folder` and waits for its end.
  static func run(_ arguments: [String], in folder: TemporaryFolder, input: String = "") throws -> Outcome {
    try launch(path ?? "gradus", arguments, in: folder, input: input)
  }

  /// Runs a line of shell in which `gradus` is the built program.
  static func shell(_ line: String, in folder: TemporaryFolder) throws -> Outcome {
    try launch("/bin/sh", ["-c", line], in: folder, input: "")
  }

  private static func launch(
    _ program: String, _ arguments: [String], in folder: TemporaryFolder, input: String
  ) throws -> Outcome {
    // Files instead of pipes: nothing to drain, so that the program can never block on the test.
    let (outputPath, errorPath) = (folder.hidden("stdout"), folder.hidden("stderr"))
    let inputPath = folder.hidden("stdin")
    for path in [outputPath, errorPath] { try Data().write(to: URL(fileURLWithPath: path)) }
    try Data(input.utf8).write(to: URL(fileURLWithPath: inputPath))
    let process = self.process(program, arguments, in: folder)
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: inputPath))
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: outputPath))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: errorPath))
    try process.run()
    process.waitUntilExit()
    return Outcome(
      code: process.terminationStatus, output: try String(contentsOfFile: outputPath, encoding: .utf8),
      error: try String(contentsOfFile: errorPath, encoding: .utf8))
  }

  /// A process that sees no collection, model or setting of the machine that the tests run on.
  static func process(_ program: String, _ arguments: [String], in folder: TemporaryFolder) -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    let programFolder = ((path ?? "") as NSString).deletingLastPathComponent
    process.environment = [
      "PATH": programFolder + ":/usr/bin:/bin", "HOME": folder.path, "GRADUS_HOME": folder.hidden("home"), "COLUMNS": "100",
    ]
    return process
  }
}

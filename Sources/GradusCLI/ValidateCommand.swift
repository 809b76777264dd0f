import ArgumentParser
import Gradus

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check files and folders of any known format.",
    discussion: """
      The kind is told by the content where --kind does not say. The first problem of each file is printed with its line; \
      the exit code is then 65.

        printf '1 Q0 a 1 9.5 x\\n1 Q0 a 2 8.0 x\\n' > twice.run
        gradus validate twice.run

      A folder is an index, a model, or a collection (its corpus, queries and judgements are checked, also against each other).
      """)

  @Argument(help: ArgumentHelp("Files or folders.", valueName: "file"))
  var files: [String]

  @Option(help: ArgumentHelp("What the files are.", valueName: "kind"))
  var kind: FileKind?

  @OptionGroup var output: JSONOption

  func run() throws {
    var checks: [Check] = []
    var worst: FailureKind?
    for file in files {
      let (check, failure) = check(file)
      checks.append(check)
      // Bad data outweighs missing files, which outweigh the rest.
      if let failure, worst == nil || failure == .badData || (failure == .missingInput && worst != .badData) { worst = failure }
      if !output.json { try printOutput(check.text) }
    }
    if output.json { try printJSON(Report(files: checks)) }
    if let worst { throw ExitCode(worst.rawValue) }
  }

  private func check(_ file: String) -> (Check, FailureKind?) {
    var kind = kind
    do {
      let known = try kind ?? FileKind.guess(file)
      kind = known
      let counts = try FileChecker(path: file, kind: known).counts()
      return (Check(file: file, kind: known.rawValue, is_valid: true, counts: counts, problem: nil), nil)
    } catch {
      let failure = (error as? any GradusError)?.failureKind ?? .failed
      let problem = "\(error)"
      return (Check(file: file, kind: kind?.rawValue, is_valid: false, counts: [], problem: problem), failure)
    }
  }

  struct Count: Encodable {
    let what: String
    let count: Int

    init(_ what: String, _ count: Int) {
      self.what = what
      self.count = count
    }
  }

  /// Names are those of the JSON object.
  private struct Check: Encodable {
    let file: String
    let kind: String?
    let is_valid: Bool
    let counts: [Count]
    let problem: String?

    var text: String {
      guard let problem else {
        let list = counts.map { "\($0.count.grouped) \($0.what)" }.joined(separator: ", ")
        return "\(file): valid \(kind ?? "file"): \(list)\n"
      }
      // Problems with a line begin with the file's name already.
      return problem.hasPrefix(file) ? problem + "\n" : "\(file): \(problem)\n"
    }
  }

  private struct Report: Encodable {
    let files: [Check]
  }
}

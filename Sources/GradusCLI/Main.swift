import ArgumentParser
import Gradus

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs the command and turns every error into one line on stderr and a documented exit code.
@main
enum Main {
  static func main() {
    // A reader that goes away (`gradus search ... | head`) ends the command quietly, as it does with other tools.
    signal(SIGPIPE, SIG_DFL)
    do {
      if let suggestion = misspeltSubcommand(CommandLine.arguments.dropFirst().first) {
        throw UsageError(suggestion)
      }
      var command = try GradusCommand.parseAsRoot()
      try command.run()
    } catch let error as any GradusError {
      printToStandardError("gradus: \(error)")
      exit(error.failureKind.rawValue)
    } catch {
      finish(with: error)
    }
  }

  /// Help and version are "errors" of the parser too, with exit code 0; a command may also end with a code of its own.
  private static func finish(with error: any Error) -> Never {
    let code = GradusCommand.exitCode(for: error)
    let message = GradusCommand.fullMessage(for: error)
    guard code == .success else {
      if !message.isEmpty { printToStandardError(message) }
      exit(code == .validationFailure ? FailureKind.usage.rawValue : code.rawValue)
    }
    do {
      try printOutput(message + "\n")
      exit(0)
    } catch {
      printToStandardError("gradus: \(error)")
      exit(FailureKind.failed.rawValue)
    }
  }

  /// The parser would call a misspelt subcommand an unexpected argument, and stop there.
  private static func misspeltSubcommand(_ word: String?) -> String? {
    let known = GradusCommand.configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
    guard let word, !word.hasPrefix("-"), !known.contains(word) else { return nil }
    let nearest = Spelling.nearest(to: word, among: known).map { "did you mean '\($0)'? " } ?? ""
    return "unknown subcommand '\(word)'; \(nearest)See 'gradus --help'"
  }
}

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import ArgumentParser
import Gradus

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Show what is installed and say how to mend what is missing.",
    discussion: """
        gradus doctor
        gradus doctor --json

      The exit code is 0 when indexing, searching and evaluating work; models, collections and helper programs that are \
      missing are listed with the command that gets them.
      """)

  @OptionGroup var output: JSONOption

  func run() throws {
    let findings = Findings()
    if output.json {
      try printJSON(findings)
    } else {
      try printOutput(findings.text)
    }
    if !findings.core_works { throw ExitCode(FailureKind.failed.rawValue) }
  }

  /// Names are those of the JSON object.
  private struct Findings: Encodable {
    struct Kernels: Encodable {
      let processor_features = NumericBackend.processorFeatures
      let instruction_set = NumericBackend.instructionSet
      let onednn = NumericBackend.oneDNNVersion
      let threads = WorkerPool.shared.threads
    }

    struct Place: Encodable {
      let path: String
      let exists: Bool
      let is_writable: Bool
    }

    struct Model: Encodable {
      let name: String
      /// Nil where there is none.
      let folder: String?
      /// Whether the folder is complete, as `gradus models pull` made it, and the weights can be opened.
      let is_valid: Bool
    }

    struct Collection: Encodable {
      let name: String
      let folder: String
      let splits: [String]
    }

    struct Program: Encodable {
      let name: String
      let path: String?
      let needed_for: String
      let package: String
    }

    let version = GradusVersion.current
    let swift = swiftVersion
    let platform = platformName
    let kernels = Kernels()
    let home: Place
    let data: [Place]
    let models: [Model]
    let collections: [Collection]
    let programs: [Program]
    /// Libraries that are opened when something asks for them.
    let libraries: [Program]
    let core_works: Bool
    let remedies: [String]

    init() {
      let dataHome = DataHome.current
      home = Self.place(dataHome.folder)
      data = dataHome.collectionFolders.map(Self.place)
      models = ModelCatalog().entries.map { entry in
        let isValid = entry.installed.map { Self.canOpen($0.weights) } ?? false
        let folder = dataHome.models + "/" + entry.package.name
        return Model(name: entry.package.name, folder: Folder.isFolder(folder) ? folder : nil, is_valid: isValid)
      }
      collections = CollectionCatalog().entries.compactMap { entry in
        entry.collection.map { Collection(name: entry.name, folder: $0.folder, splits: $0.splits) }
      }
      programs = [
        Program(name: "curl", path: Self.find("curl"), needed_for: "gradus data pull, gradus models pull", package: "curl"),
        Program(name: "apt-get", path: Self.find("apt-get"), needed_for: "gradus data build faq", package: "apt"),
      ]
      let xgboost = try? XGBoostLibrary.shared.get()
      libraries = [
        Program(
          name: "xgboost", path: xgboost.map { "\($0.path), \($0.version)" },
          needed_for: "gradus ltr train --architecture lambdamart", package: "libxgboost-dev"),
      ]
      let failure = Self.coreFailure()
      core_works = failure == nil
      var remedies = failure.map { ["indexing and searching do not work here: \($0)"] } ?? []
      if !NumericBackend.isFast { remedies.append("this processor has neither AVX2 nor NEON: models will run, but slowly") }
      if !home.is_writable { remedies.append("\(home.path) cannot be written to: set GRADUS_HOME to a folder that can") }
      if collections.isEmpty {
        remedies.append("no collection here: gradus data build faq, or set GRADUS_DATA to where they are")
      }
      for model in models where model.folder != nil && !model.is_valid {
        remedies.append("model \(model.name) is incomplete: gradus models pull \(model.name)")
      }
      if !models.contains(where: { $0.name == "minilm-l6" && $0.folder != nil }) {
        remedies.append("no sentence encoder here: gradus models pull minilm-l6")
      }
      for library in libraries where library.path == nil {
        remedies.append("no \(library.name) here (needed for \(library.needed_for)): apt-get install \(library.package)")
      }
      for program in programs where program.path == nil {
        // Where apt-get is missing, it cannot install itself.
        let remedy = program.name == "apt-get"
          ? "give --packages a folder of Debian's .deb files" : "apt-get install \(program.package)"
        remedies.append("\(program.name) is not in PATH (needed for \(program.needed_for)): \(remedy)")
      }
      self.remedies = remedies
    }

    var text: String {
      let features = kernels.processor_features.joined(separator: ", ")
      var text = """
        gradus       \(version), \(swift), \(platform)
        processor    \(features.isEmpty ? "no feature that the kernels use" : features)
        kernels      \(kernels.instruction_set), oneDNN \(kernels.onednn), threads: \(kernels.threads)
        home         \(home.path) (\(home.is_writable ? "writable" : "cannot be written to"))
        data         \(data.map { $0.path + ($0.exists ? "" : " (not there)") }.joined(separator: ", "))

        """
      for (position, model) in models.enumerated() {
        let state = model.folder.map { model.is_valid ? $0 : "\($0) (incomplete)" } ?? "not here"
        text += "\(position == 0 ? "models     " : "           ")  \(model.name): \(state)\n"
      }
      let names = collections.map(\.name).joined(separator: ", ")
      text += "collections  \(names.isEmpty ? "none" : names)\n"
      text += "programs     " + programs.map { "\($0.name): \($0.path ?? "missing")" }.joined(separator: ", ") + "\n"
      text += "libraries    " + libraries.map { "\($0.name): \($0.path ?? "missing")" }.joined(separator: ", ") + "\n"
      text += "core         \(core_works ? "works: indexed, searched and evaluated two passages" : "does not work")\n"
      return text + (remedies.isEmpty ? "" : "\nTo mend:\n" + remedies.map { "  \($0)\n" }.joined())
    }

    private static func place(_ path: String) -> Place {
      var nearest = path
      while access(nearest, F_OK) != 0, let slash = nearest.lastIndex(of: "/"), slash > nearest.startIndex {
        nearest = String(nearest[..<slash])
      }
      return Place(path: path, exists: nearest == path, is_writable: access(nearest, W_OK) == 0)
    }

    private static func canOpen(_ weights: String) -> Bool {
      weights.hasSuffix(".safetensors") || ShardIndex.isIndex(weights)
        ? (try? TensorFiles.open(weights)) != nil : access(weights, R_OK) == 0
    }

    private static func find(_ program: String) -> String? {
      let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
      return path.split(separator: ":").map { $0 + "/" + program }.first { access($0, X_OK) == 0 }
    }

    /// Indexes two passages, searches them and evaluates the result; what went wrong, or nil.
    private static func coreFailure() -> String? {
      let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
      let folder = "\(parent)/gradus-doctor.\(getpid())"
      defer { try? FileManager.default.removeItem(atPath: folder) }
      do {
        let builder = try IndexBuilder(directory: folder, analyzer: .english)
        try builder.add(Document(docno: "a", text: "Heat transfer in laminar flows"))
        try builder.add(Document(docno: "b", text: "Wings at supersonic speed"))
        _ = try builder.finish()
        let run = try InvertedIndex(path: folder).run([Query(qid: "1", text: "laminar flow")], name: "doctor")
        var qrels = Qrels()
        qrels.judge(qid: "1", docno: "a", grade: 1)
        let value = try evaluate(qrels: qrels, run: run, measures: MeasureSpecification.list("nDCG@10")).mean("nDCG@10")
        return value == 1 ? nil : "a search for 'laminar flow' did not find the passage about it"
      } catch {
        return "\(error)"
      }
    }

    private static var swiftVersion: String {
      #if swift(>=6.4)
      "Swift 6.4 or later"
      #elseif swift(>=6.3)
      "Swift 6.3"
      #elseif swift(>=6.2)
      "Swift 6.2"
      #elseif swift(>=6.1)
      "Swift 6.1"
      #else
      "Swift 6.0"
      #endif
    }

    private static var platformName: String {
      #if os(Linux)
      let system = "Linux"
      #elseif os(macOS)
      let system = "macOS"
      #else
      let system = "another system"
      #endif
      #if arch(x86_64)
      return system + " x86-64"
      #elseif arch(arm64)
      return system + " arm64"
      #else
      return system
      #endif
    }
  }
}

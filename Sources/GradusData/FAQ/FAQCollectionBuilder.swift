#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
import GradusCore
import GradusText

/// Builds a real test collection from the documentation packages of Debian: questions of FAQs, the passages of their answers,
/// and the passages of the same manuals as distractors.
///
///     let result = try FAQCollectionBuilder().build()
///     print(result.folder, result.passages, result.questions)
///
/// Packages are fetched with the system's package manager and read without being installed, or taken from a folder that
/// holds `.deb` files or unpacked packages. The collection lies in BEIR's layout; the same package versions give the same
/// bytes. Passages have no titles and hold no headings, and no passage repeats a question of four words or more.
public struct FAQCollectionBuilder: Sendable {
  /// Raise when the same packages would give another collection.
  static let version = 1

  /// What ``build(to:packages:)`` made or found.
  public struct Result: Sendable, Equatable {
    public let folder: String
    public let passages: Int
    public let questions: Int
    /// True where the folder held this very collection already.
    public let wasUpToDate: Bool
    /// Sources that are not in the collection because their package was not to be had.
    public let missingSources: [String]
  }

  /// Where documentation comes from.
  public enum Packages: Sendable, Equatable {
    /// The system's package manager, which needs a network the first time.
    case apt
    /// A folder with `.deb` files or unpacked packages.
    case folder(String)
  }

  public let home: DataHome
  public let sources: [FAQSource]

  public init(home: DataHome = .current, sources: [FAQSource] = FAQSource.known) {
    self.home = home
    self.sources = sources
  }

  /// Builds the collection, or returns at once where it is there already, made of the same packages.
  ///
  /// - Parameter folder: Where it goes; `$GRADUS_HOME/data/faq` where nil. Appears whole or not at all.
  /// - Throws: ``DebianError``, ``ArchiveError``, `FileError`.
  /// - Complexity: About fifteen seconds and 300 MB of memory for the standard sources on two cores, after some 60 MB of
  ///   downloads.
  public func build(to folder: String? = nil, packages: Packages = .apt) throws -> Result {
    let folder = folder ?? home.ownCollections + "/faq"
    let resolved = try resolve(packages)
    let fingerprint = try fingerprint(of: resolved)
    if let result = existing(in: folder, fingerprint: fingerprint) { return result }

    let chosen = try fetch(resolved)
    var licences: [(package: String, text: [UInt8])] = []
    var pages: [FAQAssembler.Page] = []
    let progress = Progress("reading", total: chosen.count, unit: "packages")
    for (position, (source, files)) in chosen.enumerated() {
      let (read, licence) = try Self.read(source, from: files, position: position)
      pages += read
      licences.append((files.package, licence))
      progress.advance()
    }
    progress.finish()
    let counts = chosen.map { source, files in
      FAQCollection.SourceCounts(name: source.name, package: files.package, version: files.version, licence: source.licence)
    }
    let collection = FAQAssembler(sources: counts).assemble(pages, missingSources: resolved.missing)
    try StagedFolder.fill(folder) { staging in
      try FAQCollectionWriter(collection: collection, fingerprint: fingerprint).write(to: staging, licences: licences)
    }
    return Result(
      folder: folder, passages: collection.documents.count, questions: collection.questions.count, wasUpToDate: false,
      missingSources: resolved.missing)
  }

  // MARK: Packages

  /// Which package serves each source, before anything is fetched.
  private struct Resolution {
    enum Item {
      case candidate(AptPackages.Candidate)
      case files(PackageFiles)
    }
    var items: [(source: FAQSource, item: Item)] = []
    var missing: [String] = []
  }

  private func resolve(_ packages: Packages) throws -> Resolution {
    let items: [Resolution.Item?]
    let place: String
    switch packages {
    case .apt:
      items = try apt.candidates(sources.map(\.package)).map { $0.map(Resolution.Item.candidate) }
      place = "apt"
    case .folder(let path):
      guard FileStatus.isFolder(path) else { throw FileError(.open, path: path, code: 2) }
      items = sources.map { PackageFolder(path: path).find($0.package).map(Resolution.Item.files) }
      place = path
    }
    var resolution = Resolution()
    for (source, item) in zip(sources, items) {
      if let item {
        resolution.items.append((source, item))
      } else if source.isRequired {
        throw DebianError.packageMissing(package: source.package, place: place)
      } else {
        resolution.missing.append(source.name)
      }
    }
    return resolution
  }

  private func fetch(_ resolution: Resolution) throws -> [(FAQSource, PackageFiles)] {
    let candidates = resolution.items.compactMap { item -> AptPackages.Candidate? in
      if case .candidate(let candidate) = item.item { candidate } else { nil }
    }
    var fetched = candidates.isEmpty ? [].makeIterator() : try apt.fetch(candidates).makeIterator()
    return resolution.items.compactMap { source, item in
      switch item {
      case .candidate: fetched.next().map { (source, $0) }
      case .files(let files): (source, files)
      }
    }
  }

  private var apt: AptPackages { AptPackages(cache: home.cache + "/packages") }

  /// Versions say what apt will deliver; what lies in a folder is told by its bytes.
  private func fingerprint(of resolution: Resolution) throws -> String {
    var lines = ["builder \(Self.version)"]
    for (source, item) in resolution.items {
      switch item {
      case .candidate(let candidate): lines.append("\(source.name) \(candidate.package) \(candidate.version)")
      case .files(let files):
        let content = try files.contentHash(matching: source.faqPages + source.manualPages)
        lines.append("\(source.name) \(files.package) \(files.version) \(content)")
      }
    }
    return SHA256Digest.hex(of: Array(lines.joined(separator: "\n").utf8))
  }

  private func existing(in folder: String, fingerprint: String) -> Result? {
    guard let bytes = try? WholeFile.bytes(folder + "/" + FAQRecord.filename),
      let record = try? JSONDecoder().decode(FAQRecord.self, from: Data(bytes)), record.fingerprint == fingerprint,
      record.files.allSatisfy({ FileStatus.size(folder + "/" + $0.path) == $0.bytes })
    else { return nil }
    return Result(
      folder: folder, passages: record.passages, questions: record.questions, wasUpToDate: true,
      missingSources: record.missingSources)
  }

  // MARK: Pages

  /// Reads the pages of one package, several at a time, and its copyright file.
  static func read(
    _ source: FAQSource, from package: PackageFiles, position: Int
  ) throws -> (pages: [FAQAssembler.Page], licence: [UInt8]) {
    let copyrightPattern = "usr/share/doc/*/copyright"
    let files = try package.files(matching: source.faqPages + source.manualPages + [copyrightPattern])
    let licence = files.first { ShellPattern.matches($0.path, anyOf: [copyrightPattern]) }?.bytes ?? []
    let wanted = files.filter {
      !ShellPattern.matches($0.path, anyOf: source.excludedPages + [copyrightPattern])
    }
    let names = pageNames(wanted.map(\.path))
    let splitter = SentenceSplitter()
    var pages = [FAQAssembler.Page?](repeating: nil, count: wanted.count)
    pages.withUnsafeMutableBufferPointer { slots in
      let slots = PageSlots(pointer: slots)
      WorkerPool.shared.forEach(count: wanted.count) { index in
        let file = wanted[index]
        let isFAQ = ShellPattern.matches(file.path, anyOf: source.faqPages)
        let blocks =
          switch source.format {
          case .pod: PodParser.blocks(of: String(decoding: file.bytes, as: UTF8.self))
          case .html: HTMLBlockReader(questionClasses: isFAQ ? source.questions.classes : []).blocks(of: file.bytes)
          }
        let cutter = PageSections(rule: source.questions, isFAQ: isFAQ) { splitter.sentences($0) }
        slots.pointer[index] = FAQAssembler.Page(
          source: position, name: names[index], sections: cutter.sections(of: blocks))
      }
    }
    return (pages.compactMap { $0 }, licence)
  }

  /// The file's name without endings, with its folder where that is not the page's alone: `library-re`, `perlfaq4`.
  static func pageNames(_ paths: [String]) -> [String] {
    let names = paths.map { path in
      [".html", ".htm", ".pod", ".en"].reduce(path.lastComponent) { $0.hasSuffix($1) ? String($0.dropLast($1.count)) : $0 }
    }
    var uses: [String: Int] = [:]
    for name in names { uses[name, default: 0] += 1 }
    return zip(paths, names).map { path, name in
      uses[name] == 1 ? name : path.parentFolder.lastComponent + "-" + name
    }
  }

  /// Each piece of the pool writes the slot of its own index.
  private struct PageSlots: @unchecked Sendable {
    let pointer: UnsafeMutableBufferPointer<FAQAssembler.Page?>
  }
}

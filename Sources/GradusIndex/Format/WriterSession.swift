/// A writer at work in the folder of an index, whatever its kind: the lock, the numbers of new files, the commits, the end.
///
/// Files are written under names that were never used, so nothing is visible before ``commit(_:)`` puts a manifest in place that
/// lists them; ``end()`` removes what no commit listed, and frees the lock.
final class WriterSession {
  let directory: String
  /// Nil once the session has ended.
  private(set) var folder: IndexFolder?
  private let firstNumber: Int
  private var nextNumber: Int

  /// Locks the folder, making it where it is missing, and removes what writers that were killed have left there.
  ///
  /// - Parameter kind: Of the index that is written.
  init<Manifest: FolderManifest>(_ directory: String, _ kind: Manifest.Type, calls: SystemCalls) throws {
    self.directory = directory
    let folder = try IndexFolder(path: directory, calls: calls) { try Manifest.read(folder: $0) }
    self.folder = folder
    firstNumber = folder.nextGeneration
    nextNumber = folder.nextGeneration
  }

  /// Begins to change the index that is there.
  ///
  /// - Returns: The session, and what the index holds as read under the lock.
  static func updating<Manifest: FolderManifest>(
    _ directory: String, _ kind: Manifest.Type, calls: SystemCalls
  ) throws -> (session: WriterSession, manifest: Manifest) {
    // Before the lock, so that a folder that holds no such index stays as it is.
    _ = try Manifest.read(folder: directory)
    let session = try WriterSession(directory, kind, calls: calls)
    return (session, try Manifest.read(folder: directory))
  }

  /// - Throws: ``IndexError/builderClosed(path:)`` once the session has ended.
  @discardableResult
  func openFolder() throws -> IndexFolder {
    guard let folder else { throw IndexError.builderClosed(path: directory) }
    return folder
  }

  /// A number that no file and no commit has.
  func takeNumber() -> Int {
    defer { nextNumber += 1 }
    return nextNumber
  }

  /// The number of a commit that comes last: that of the file that was written last, where there is one.
  func lastNumber() -> Int { nextNumber == firstNumber ? takeNumber() : nextNumber - 1 }

  /// Makes what a manifest lists visible in one step.
  func commit(_ manifest: some FolderManifest) throws { try openFolder().commit(manifest) }

  /// Removes what was written and not committed, and lets others write into the folder.
  func end() {
    folder?.removeUnfinished()
    folder = nil
  }
}

/// What writes into the folder of an index, and is closed by its first failure.
protocol SessionWriter: AnyObject {
  var session: WriterSession { get }
  /// Lets go of all files, and ends the session.
  func abandon()
}

extension SessionWriter {
  /// Runs a step of the writer, and closes it where the step fails.
  ///
  /// - Parameter harmless: Errors that leave the writer open.
  func closingOnError<Result>(
    butNot harmless: [any Error.Type] = [], _ step: (IndexFolder) throws -> Result
  ) throws -> Result {
    let folder = try session.openFolder()
    do {
      return try step(folder)
    } catch {
      if !harmless.contains(where: { $0 == type(of: error) }) { abandon() }
      throw error
    }
  }
}

import GradusCore
import GradusFormats
@testable import GradusIndex
import Testing

@Suite("Indexes in the Common Index File Format")
struct CIFFExchangeTests {
  @Test("An index that was written and read again gives the same answers, bit for bit")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let documents = RandomCollection.documents(2000, words: 20, vocabulary: 400, seed: 51) + [Document(docno: "none", text: "")]
    let index = try RandomCollection.build(documents, in: folder.path("idx"))
    let file = folder.path("index.ciff.gz")
    try index.exportCIFF(to: file, text: "random words")
    let statistics = try IndexBuilder.importCIFF(file, to: folder.path("again"), analyzer: RandomCollection.analyzer)
    #expect(statistics == index.statistics)
    let again = try InvertedIndex(path: folder.path("again"))
    try again.verify()
    for query in RandomCollection.queries(20, terms: 5, vocabulary: 420, seed: 52) {
      #expect(try again.search(query, k: 50) == index.search(query, k: 50))
    }
    #expect(try CIFFReader(path: file).header.text == "random words")
    #expect(
      try TemporaryFolder.read(folder.path("again/segment-1.postings"))
        == TemporaryFolder.read(folder.path("idx/segment-1.postings")))
  }

  @Test("Files that contradict themselves are refused, and leave nothing behind")
  func contradictions() throws {
    let folder = try TemporaryFolder()
    let file = folder.path("x.ciff")
    func reason(_ lists: [(String, [UInt32])], _ documents: [(Int, String, Int)]) throws -> CIFFError.Reason? {
      var header = CIFFHeader()
      header.postingsLists = lists.count
      header.documents = documents.count
      let writer = try CIFFWriter(path: file, header: header)
      for (term, numbers) in lists {
        try writer.append(
          CIFFPostingsList(
            term: term, documentFrequency: numbers.count, collectionFrequency: numbers.count, documents: numbers,
            frequencies: numbers.map { _ in 1 }))
      }
      for (number, docno, length) in documents {
        try writer.append(CIFFDocument(number: number, docno: docno, length: length))
      }
      try writer.commit()
      do {
        try IndexBuilder.importCIFF(file, to: folder.path("idx"), analyzer: RandomCollection.analyzer)
        return nil
      } catch let error as CIFFError { return error.reason }
    }
    let two = [(1, "b", 1), (0, "a", 2)]
    #expect(try reason([("x", [0, 1])], two) == nil)
    #expect(try InvertedIndex(path: folder.path("idx")).search("x", k: 5).documents.map(\.docno) == ["b", "a"])
    let before = try TemporaryFolder.names(in: folder.path("idx"))
    #expect(try reason([("x", [0]), ("a", [1])], two) == .termOrder("a"))
    #expect(try reason([("x", [0]), ("x", [1])], two) == .termOrder("x"))
    #expect(try reason([("x", [0, 2])], two) == .postings(term: "x"))
    #expect(try reason([("x", [0])], [(0, "a", 0)]) == .postings(term: "x"))
    #expect(try reason([], [(0, "a", 1), (0, "b", 1)]) == .documentNumber(0))
    #expect(try reason([], [(5, "a", 1)]) == .documentNumber(5))
    #expect(try reason([], [(0, "a", -1)]) == .documentNumber(0))
    #expect(try TemporaryFolder.names(in: folder.path("idx")) == before)
    #expect(throws: IndexError.self) { try reason([], [(0, "a", 1), (1, "a", 1)]) }
  }

  @Test("A number or a count beyond everything asks for no memory")
  func hugeNumbers() throws {
    let folder = try TemporaryFolder()
    let file = folder.path("x.ciff")
    var header = CIFFHeader()
    header.documents = 1 << 40
    let writer = try CIFFWriter(path: file, header: header)
    try writer.append(CIFFDocument(number: 1 << 39, docno: "a", length: 1))
    try writer.commit()
    #expect(throws: CIFFError(path: file, reason: .truncated)) {
      try IndexBuilder.importCIFF(file, to: folder.path("idx"), analyzer: RandomCollection.analyzer)
    }
  }
}

-- Documents for typst, whether Quarto or yjd runs pandoc: the HTML that cells give becomes pandoc's own blocks,
-- so that one text serves the page and the PDF. Does nothing for any other format.

local accent = "#12436D"
local stamp = "#801650"
local charts = 0
local known = {}
local page = { wide = 92, high = 680 } -- characters of a table's text across a page, points down it

-- Large type, headings inside their panel, and lists without much room around them.
local easy = "#set text(size: 14pt)\n#set par(leading: 0.5em, spacing: 0.62em)\n#set list(spacing: 0.62em, indent: 0pt)\n"
  .. "#show heading.where(level: 1): it => block(above: 0pt, below: 0.45em, sticky: true, text(size: 16pt, it.body))"

local styles = {
  ["callout"] = function() return 'block(width: 100%, inset: 10pt, fill: rgb("#F2F2F2"), stroke: (left: 4pt + rgb("' .. accent .. '")))' end,
  ["yjd-banner"] = function() return 'block(width: 100%, inset: 8pt, stroke: 2.5pt + rgb("' .. stamp .. '"))' end,
  ["yjd-points"] = function() return 'block(width: 100%, inset: 10pt, fill: rgb("#F2F2F2"), stroke: (left: 4pt + rgb("' .. accent .. '")))' end,
  ["yjd-about"] = function() return 'block(width: 100%)', "#set text(size: 0.92em)" end,
  ["yjd-note"] = function() return 'block(width: 100%)', "#set text(size: 0.85em)" end,
  ["yjd-keep"] = function() return 'block(breakable: false)' end,
  ["yjd-blank"] = function() return 'block(breakable: false, width: 100%, inset: 10pt, stroke: (paint: rgb("#505A5F"), thickness: 1.2pt, dash: "dashed"))' end,
  ["yjd-room"] = function() return 'block(width: 100%, height: 2.4cm)' end,
  ["yjd-easy"] = function() return 'block(width: 100%)', easy end,
  ["yjd-panel"] = function() return 'block(breakable: false, width: 100%, above: 6pt, below: 6pt, inset: (x: 9pt, top: 7pt, bottom: 6pt), radius: 4pt, stroke: 1.2pt + rgb("' .. accent .. '"))' end,
}

local function quoted(text)
  return '"' .. text:gsub("[%c]+", " "):gsub('[\\"]', "\\%0") .. '"'
end

local function raw(text)
  return pandoc.RawBlock("typst", text)
end

local entities = { amp = "&", lt = "<", gt = ">", quot = '"', apos = "'", nbsp = " " }

local function words_of(markup)
  local text = markup:gsub("<[^>]*>", " ")
  text = text:gsub("&#x(%x+);", function(code) return utf8.char(tonumber(code, 16)) end)
  text = text:gsub("&#(%d+);", function(code) return utf8.char(tonumber(code)) end)
  text = text:gsub("&(%a+);", entities)
  return (text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

-- A drawing with a name becomes a file beside the page, and the name its alternative text. One that screen readers
-- pass over says nothing that is not in words beside it: it is left out.
local function drawing(svg)
  local head = svg:match("^<svg[^>]*>")
  local sign = head:match('class="yjd%-icon"') -- a picture that says nothing: kept, and passed over when read aloud
  if head:match('aria%-hidden="true"') and not sign then
    return '<span class="yjd-drawn"></span>'
  end
  local title, description = svg:match("<title[^>]*>(.-)</title>"), svg:match("<desc[^>]*>(.-)</desc>")
  local alt = words_of((title or "") .. ". " .. (description or ""))
  if not sign and (not title or not title:match("%S")) then
    error("yjd: a chart has no alternative text")
  end
  charts = charts + 1
  local name = "yjd-chart-" .. charts .. ".svg"
  if not head:match("xmlns=") then
    svg = svg:gsub("^<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
  end
  local file = assert(io.open(name, "wb"))
  file:write(svg)
  file:close()
  local high = tonumber(head:match('height="([%d.]+)'))
  local fit = high and high > page.high and (", height: " .. page.high .. "pt") or ""
  return '<div class="yjd-drawing' .. (sign and " yjd-sign" or "") .. '" data-file="' .. name .. '" data-fit="' .. fit .. '" data-alt="'
    .. alt:gsub("&", "&amp;"):gsub('"', "&quot;"):gsub("<", "&lt;") .. '"></div>'
end

local function blocks_of_html(html)
  html = html:gsub("<svg.-</svg>", drawing)
  html = html:gsub("<details[^>]*>", '<div class="yjd-details">'):gsub("</details>", "</div>")
  html = html:gsub("<summary[^>]*>(.-)</summary>", '<div class="yjd-summary"><p>%1</p></div>')
  html = html:gsub('<p class="(yjd%-[%w-]+)"[^>]*>(.-)</p>', '<div class="%1"><p>%2</p></div>')
  html = html:gsub('<(%a+) class="yjd%-points">(.-)</%1>', '<div class="yjd-points"><%1>%2</%1></div>')
  return pandoc.read(html, "html+native_divs+native_spans").blocks
end

-- --- tables ------------------------------------------------------------------------------------------------

local function written(blocks)
  local text = pandoc.write(pandoc.Pandoc(blocks), "typst", { wrap_text = "wrap-none" })
  return (text:gsub("%s+$", ""))
end

-- Many small texts at once: one call of pandoc's for a whole table. No text holds this: control characters never get
-- this far.
local apart = "\2apart\2"

local function all_written(contents)
  local blocks = pandoc.Blocks({})
  for _, content in ipairs(contents) do
    blocks:extend(content)
    blocks:insert(raw(apart))
  end
  local texts = {}
  for text in (written(blocks) .. "\n"):gmatch("(.-)" .. apart .. "%s*") do
    table.insert(texts, (text:gsub("^%s+", ""):gsub("%s+$", "")))
  end
  return texts
end

local function is_drawn(cell)
  local found = false
  pandoc.Div(cell.contents):walk({ Span = function(span) found = found or span.classes:includes("yjd-drawn") end })
  return found
end

local function longest_word(text)
  local longest = 0
  for word in text:gmatch("%S+") do
    longest = math.max(longest, utf8.len(word) or #word)
  end
  return longest
end

local function longest_line(cell)
  local marked = pandoc.Div(cell.contents):walk({ LineBreak = function() return pandoc.Str("\n") end })
  local longest = 0
  for line in pandoc.utils.stringify(marked):gmatch("[^\n]+") do
    longest = math.max(longest, utf8.len(line) or #line)
  end
  return longest
end

local function all_rows(found)
  local rows = {}
  for _, body in ipairs(found.bodies) do
    for _, list in ipairs({ body.head, body.body }) do
      for _, row in ipairs(list) do table.insert(rows, row) end
    end
  end
  for _, row in ipairs(found.foot.rows) do table.insert(rows, row) end
  return rows
end

local function columns_of(found, rows, count)
  local columns = {}
  for place = 1, count do
    columns[place] = { least = 0, full = 0, right = false, drawn = false }
  end
  local function visit(list, header)
    for _, row in ipairs(list) do
      local place = 1
      for _, cell in ipairs(row.cells) do
        local column = columns[place]
        if column and cell.col_span == 1 then
          local text = pandoc.utils.stringify(cell.contents)
          local word, long = longest_word(text), longest_line(cell)
          local right = cell.classes:includes("yjd-number") and long <= 22
          column.full = math.max(column.full, header and math.min(long, math.max(word, 12)) or long)
          column.least = math.max(column.least, (right and not header) and math.ceil(long * 0.85) or word)
          column.right = column.right or cell.classes:includes("yjd-number")
          column.drawn = column.drawn or (not header and is_drawn(cell))
        end
        place = place + cell.col_span
      end
    end
  end
  visit(found.head.rows, true)
  visit(rows, false)
  return columns
end

-- Columns as wide as their text where all of it fits, or else shares of the page: no word is broken, and what is left
-- goes to the columns with long texts.
local function want(column)
  return math.sqrt(math.min(column.full, 160) - math.min(column.least, 160))
end

local function widths(columns)
  local shown, full, least = {}, 0, 0
  for _, column in ipairs(columns) do
    if not column.drawn then
      table.insert(shown, column)
      full, least = full + column.full + 2, least + column.least + 2
    end
  end
  local kept, all = {}, 0
  for _, column in ipairs(shown) do all = all + want(column) end
  local wide = least > page.wide and page.wide * 9 / 8 or page.wide -- the text of a wide table is smaller
  local spare = math.max(wide - least, 0)
  for _, column in ipairs(shown) do
    if full <= page.wide then
      table.insert(kept, string.format("%.1fem", (column.full + 2) * 0.56))
    else
      local share = all > 0 and spare * want(column) / all or 0
      table.insert(kept, string.format("%.1ffr", column.least + 2 + share))
    end
  end
  return kept, least
end

local function cells_of(row, columns, texts, bold)
  local place, kept = 1, {}
  for _, cell in ipairs(row.cells) do
    local content = table.remove(texts, 1)
    local span = 0
    for step = place, place + cell.col_span - 1 do
      if columns[step] and not columns[step].drawn then span = span + 1 end
    end
    if span > 0 then
      if bold then content = "#strong[" .. content .. "]" end
      local right = cell.col_span == 1 and columns[place].right
      local options = {}
      if span > 1 then table.insert(options, "colspan: " .. span) end
      if cell.row_span > 1 then table.insert(options, "rowspan: " .. cell.row_span) end
      if right then table.insert(options, "align: right") end
      table.insert(kept, (#options > 0 and "table.cell(" .. table.concat(options, ", ") .. ")" or "") .. "[" .. content .. "]")
    end
    place = place + cell.col_span
  end
  return table.concat(kept, ", ")
end

local function heads_a_group(row)
  return #row.cells == 1 and row.cells[1].col_span > 1
end

local function typst_table(found)
  local rows = all_rows(found)
  local columns = columns_of(found, rows, #found.colspecs)
  local kept, least = widths(columns)
  local contents, lines = {}, {}
  for _, list in ipairs({ found.head.rows, rows }) do
    for _, row in ipairs(list) do
      for _, cell in ipairs(row.cells) do table.insert(contents, cell.contents) end
    end
  end
  local caption = pandoc.utils.blocks_to_inlines(found.caption.long)
  table.insert(contents, { pandoc.Plain(caption) })
  local texts = all_written(contents)
  for _, row in ipairs(found.head.rows) do
    table.insert(lines, "table.header(repeat: true, " .. cells_of(row, columns, texts, true) .. "),")
  end
  table.insert(lines, 'table.hline(stroke: 1pt + rgb("#0B0C0C")),')
  for _, row in ipairs(rows) do
    local cells = cells_of(row, columns, texts, heads_a_group(row))
    if heads_a_group(row) then
      cells = cells:gsub("^table%.cell%(", 'table.cell(fill: rgb("#F2F2F2"), ', 1)
      -- a header of the second level: it belongs to the rows below it, and is said again on the next page
      table.insert(lines, "table.header(level: 2, repeat: true, " .. cells .. "),")
    elseif cells ~= "" then
      table.insert(lines, cells .. ",")
    end
  end
  local small = least > page.wide and "8pt" or "9pt"
  local head = #caption > 0 and ", caption: [" .. texts[1] .. "]" or ""
  return raw(
    "#[#set text(size: " .. small .. ", hyphenate: false)\n#set par(justify: false)\n"
      .. "#show figure: set block(breakable: true)\n#show figure: set align(left)\n"
      .. "#set figure.caption(position: top)\n#show figure.caption: it => block(width: 100%, sticky: true, text(weight: \"bold\", it.body))\n"
      .. "#figure(kind: table, numbering: none, supplement: none, table(\n"
      .. "columns: (" .. table.concat(kept, ", ") .. ",), align: left + top, inset: (left: 3pt, right: 7pt, y: 4pt),\n"
      .. 'stroke: (_, y) => (bottom: 0.5pt + rgb("#B1B4B6")),\n'
      .. table.concat(lines, "\n") .. "\n)" .. head .. ")]"
  )
end

-- --- blocks ------------------------------------------------------------------------------------------------

local function boxed(name, content)
  local outside, inside = styles[name]()
  local blocks = pandoc.Blocks({ raw("#" .. outside .. "[" .. (inside and inside .. "\n" or "")) })
  blocks:extend(content)
  blocks:insert(raw("]"))
  return blocks
end

-- A picture and the words beside it.
local function beside(content)
  local is_sign = content[1].t == "RawBlock" and content[1].text:match("pdf%.artifact")
  content = content:walk({ RawBlock = function(block)
    return raw((block.text:gsub("^#block%(above: 1%.2em, below: 1%.2em, image", "#block(above: 2pt, below: 0pt, image")))
  end })
  local blocks = pandoc.Blocks({ raw("#grid(columns: (" .. (is_sign and "1.4cm" or "6.6cm") .. ", 1fr), column-gutter: 12pt)[") })
  for place, block in ipairs(content) do
    if place > 1 then blocks:insert(raw("][")) end
    blocks:insert(block)
  end
  blocks:insert(raw("]"))
  return blocks
end

local function div_to_typst(div)
  if div.classes:includes("yjd-drawing") then
    local alt = div.attributes["alt"] or div.attributes["data-alt"]
    local file = div.attributes["file"] or div.attributes["data-file"]
    local fit = div.attributes["fit"] or div.attributes["data-fit"] or ""
    if div.classes:includes("yjd-sign") then
      return raw("#pdf.artifact(image(" .. quoted(file) .. ", width: 100%))")
    end
    return raw("#block(above: 1.2em, below: 1.2em, image(" .. quoted(file) .. ", alt: " .. quoted(alt) .. fit .. "))")
  end
  if div.classes:includes("yjd-summary") or div.classes:includes("callout-title") then
    return raw("#block(sticky: true, above: 1.2em)[#strong[" .. written(div.content) .. "]]")
  end
  if div.classes:includes("yjd-beside") and #div.content > 1 then
    return beside(div.content)
  end
  for name, _ in pairs(styles) do
    if div.classes:includes(name) then
      return boxed(name, div.content)
    end
  end
end

local function picture(image)
  if image.src:match("^%a[%w+.-]*:") and not image.src:match("^data:") or image.src:match("^//") then
    error("yjd: the page would load something from elsewhere")
  end
  local alt = pandoc.utils.stringify(image.caption)
  if alt == "" then
    error("yjd: a picture has no alternative text")
  end
  local file = image.src
  if file:match("^data:") then
    local kind, content = pandoc.mediabag.fetch(file)
    charts = charts + 1
    file = "yjd-picture-" .. charts .. "." .. (kind:match("image/(%a+)") or "png")
    local out = assert(io.open(file, "wb"))
    out:write(content)
    out:close()
  end
  return pandoc.RawInline("typst", "#image(" .. quoted(file) .. ", alt: " .. quoted(alt) .. ")")
end

-- A formula needs words for those who hear it: [$a / b$]{alt="a divided by b"}.
local function formula(span)
  local alt = span.attributes["alt"]
  local maths = #span.content == 1 and span.content[1].t == "Math" and span.content[1]
  if not (alt and maths) then
    return nil
  end
  local inner = written({ pandoc.Plain({ maths }) })
  return pandoc.RawInline("typst", "#math.equation(alt: " .. quoted(alt) .. ", " .. inner .. ")")
end

local function link(found)
  local target = found.target:match("^#(.+)$")
  if target and not known[target] then
    return found.content
  end
end

local function colours(meta)
  local wanted = meta["yjd-accent"] and pandoc.utils.stringify(meta["yjd-accent"])
  local marked = meta["yjd-stamp"] and pandoc.utils.stringify(meta["yjd-stamp"])
  accent, stamp = wanted or accent, marked or stamp
end

function Pandoc(document)
  if not FORMAT:match("typst") then
    return nil
  end
  colours(document.meta)
  document = document:walk({
    RawBlock = function(block)
      if block.format:match("^html") then
        return blocks_of_html(block.text)
      end
    end,
  })
  local function remember(element)
    if element.identifier ~= "" then known[element.identifier] = true end
  end
  document:walk({ Header = remember, Div = remember })
  document = document:walk({ Span = formula, Image = picture, Link = link })
  document:walk({
    Div = function(div)
      if div.classes:includes("yjd-easy") then document.meta["yjd-easy"] = true end
    end,
  })
  document:walk({
    Math = function() error("yjd: a formula has no words: write [$...$]{alt=\"...\"}") end,
  })
  return document:walk({ Table = typst_table }):walk({ Div = div_to_typst })
end

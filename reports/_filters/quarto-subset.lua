-- What pandoc does not know of Quarto's Markdown: callouts, and references to figures and tables.
-- Quarto itself does not read this file.

local names = { fig = "Figure", tbl = "Table" }
local numbers = {}

local function kind_of(id)
  return id:match("^(%a+)%-")
end

local function number_all(document)
  local count = { fig = 0, tbl = 0 }
  document:walk({
    Div = function(div)
      local kind = kind_of(div.identifier or "")
      if names[kind or ""] then
        count[kind] = count[kind] + 1
        numbers[div.identifier] = count[kind]
      end
    end,
  })
end

local function caption(div)
  local kind = kind_of(div.identifier or "")
  if not names[kind or ""] then
    return nil
  end
  local last = div.content[#div.content]
  if last == nil or last.t ~= "Para" then
    return nil
  end
  local words = pandoc.Inlines({ pandoc.Str(names[kind] .. " " .. numbers[div.identifier] .. ":"), pandoc.Space() })
  words:extend(last.content)
  div.content[#div.content] = pandoc.Div({ pandoc.Plain(words) }, pandoc.Attr("", { "yjd-caption" }))
  return div
end

-- What is for one format only: `html` are pages and slides, `typst` is the PDF.
local function conditional(div)
  local here = div.attributes["when-format"] == (FORMAT:match("typst") and "typst" or "html")
  return div.classes:includes("content-visible") == here and div.content or {}
end

local function callout(div)
  if div.attributes["when-format"] then
    return conditional(div)
  end
  for _, class in ipairs(div.classes) do
    local kind = class:match("^callout%-(%a+)$")
    if kind then
      local title = div.attributes["title"] or (kind:sub(1, 1):upper() .. kind:sub(2))
      div.attributes = { role = "note" }
      div.classes:insert(1, "callout")
      div.content:insert(1, pandoc.Div({ pandoc.Para({ pandoc.Str(title) }) }, pandoc.Attr("", { "callout-title" })))
      return div
    end
  end
  return caption(div)
end

local function reference(cite)
  local found = pandoc.Inlines({})
  for place, citation in ipairs(cite.citations) do
    local kind = kind_of(citation.id)
    if not names[kind or ""] then
      error("yjd: the citation @" .. citation.id .. " is outside what renders without Quarto")
    end
    if not numbers[citation.id] then
      error("yjd: the reference @" .. citation.id .. " points to nothing")
    end
    if place > 1 then
      found:insert(pandoc.Str("; "))
    end
    found:insert(pandoc.Link(names[kind] .. " " .. numbers[citation.id], "#" .. citation.id))
  end
  return found
end

-- pandoc would fetch a picture from elsewhere in order to embed it: no request is ever made
local function picture(image)
  if image.src:match("^%a[%w+.-]*:") and not image.src:match("^data:") or image.src:match("^//") then
    error("yjd: the page would load something from elsewhere")
  end
end

-- Slides without a script: at the end of each, which of how many it is, and links to the one before and the one after.
local function turn(names, place)
  local words = pandoc.Inlines({ pandoc.Str("Slide " .. place .. " of " .. #names) })
  for _, step in ipairs({ { names[place - 1], "Previous slide" }, { names[place + 1], "Next slide" } }) do
    if step[1] then
      words:extend({ pandoc.Str(" · "), pandoc.Link(step[2], "#" .. step[1]) })
    end
  end
  return pandoc.Div({ pandoc.Para(words) }, pandoc.Attr("", { "yjd-turn" }))
end

local function with_turns(blocks)
  local names = {}
  for _, block in ipairs(blocks) do
    if block.t == "Header" and block.level == 2 then table.insert(names, block.identifier) end
  end
  local made, place = pandoc.Blocks({}), 0
  for _, block in ipairs(blocks) do
    if block.t == "Header" and block.level == 2 then
      if place > 0 then made:insert(turn(names, place)) end
      place = place + 1
    end
    made:insert(block)
  end
  if place > 0 then made:insert(turn(names, place)) end
  return made
end

function Pandoc(document)
  number_all(document)
  document = document:walk({ Div = callout, Cite = reference, Image = picture })
  if document.meta["yjd-slides"] then
    document.blocks = with_turns(document.blocks)
  end
  return document
end

SELECT r.docno  FROM r  WHERE r.secrecy <= 1
  AND ((r.withheld NOT LIKE '%' || '"audience"' || '%' ESCAPE '/')
  AND NOT (r.n_audience IS NOT NULL
  OR (EXISTS (SELECT 1 AS anon_1  FROM t AS t_1  WHERE t_1.docno = r.docno
  AND t_1.attribute = 'audience')))
  AND (r.withheld NOT LIKE '%' || '"audience/_nodes"' || '%' ESCAPE '/')
  AND NOT (r.n_audience_nodes IS NOT NULL
  OR (EXISTS (SELECT 1 AS anon_2  FROM t AS t_2  WHERE t_2.docno = r.docno
  AND t_2.attribute = 'audience_nodes'
  AND t_2.value != '')))
  OR r.authority IN ('n-wuhou')
  OR (EXISTS (SELECT 1 AS anon_3  FROM t AS t_3  WHERE t_3.docno = r.docno
  AND t_3.attribute = 'audience_nodes'
  AND t_3.value IN ('n-wuhou')))
  OR NOT (NOT (EXISTS (SELECT 1 AS anon_4  FROM t AS t_4  WHERE t_4.docno = r.docno
  AND t_4.attribute = 'audience'
  AND t_4.value IN ('000000', '000000000', '000000000000', '510000', '510000000', '510000000000', '510100', '510100000', '510100000000', '510107', '510107000', '510107000000'))))
  AND (r.n_audience IS NOT NULL
  OR (EXISTS (SELECT 1 AS anon_5  FROM t AS t_5  WHERE t_5.docno = r.docno
  AND t_5.attribute = 'audience'))))
  AND (r.withheld NOT LIKE '%' || '"secrecy"' || '%' ESCAPE '/')
  AND r.secrecy IS NOT NULL
  AND (r.withheld NOT LIKE '%' || '"sharing"' || '%' ESCAPE '/')
  AND r.sharing IS NOT NULL
  AND r.sharing IN ('conditional', 'unconditional', 'withheld')
  AND (r.withheld NOT LIKE '%' || '"authority"' || '%' ESCAPE '/')
  AND r.authority IS NOT NULL
  AND r.authority != ''
  AND (r.withheld NOT LIKE '%' || '"division"' || '%' ESCAPE '/')
  AND r.division IS NOT NULL
  AND ((r.withheld NOT LIKE '%' || '"terms/_expire"' || '%' ESCAPE '/')
  AND r.terms_expire IS NULL
  OR r.terms_expire > 1780243200
  OR r.authority IN ('n-wuhou'))
  AND ((r.withheld NOT LIKE '%' || '"purposes"' || '%' ESCAPE '/')
  AND NOT (r.n_purposes IS NOT NULL
  OR (EXISTS (SELECT 1 AS anon_6  FROM t AS t_6  WHERE t_6.docno = r.docno
  AND t_6.attribute = 'purposes'
  AND t_6.value != '')))
  OR r.n_purposes IS NOT NULL
  AND r.n_purposes = 0
  OR r.authority IN ('n-wuhou'))
